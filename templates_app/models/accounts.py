"""The WeChat Official Accounts (公众号) that messages are sent through."""

import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator, URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from templates_app.encryption import EncryptedTextField

_http_url = URLValidator(schemes=["http", "https"])
_AES_KEY = re.compile(r"[A-Za-z0-9]{43}")


class CallbackMode(models.TextChoices):
    PLAIN = "plain", _("Plain (明文模式)")
    COMPATIBLE = "compatible", _("Compatible (兼容模式)")
    SAFE = "safe", _("Safe (安全模式)")


class TokenCall(models.TextChoices):
    """Which of WeChat's two calls gives the access token. The two do not disturb each other."""

    STABLE = "stable_token", "stable_token"
    CLASSIC = "token", "token"


class OfficialAccount(models.Model):
    """One appid. Its secrets are encrypted at rest and are never shown again."""

    slug = models.SlugField(
        _("short name"),
        unique=True,
        help_text=_("Part of the callback address: demo makes /wechat/demo/callback."),
    )
    name = models.CharField(_("name"), max_length=100)
    appid = models.CharField(
        "AppID",
        max_length=32,
        unique=True,
        validators=[
            RegexValidator(r"^wx[0-9a-f]{16}$", _("An AppID is wx and 16 hexadecimal digits."))
        ],
    )
    original_id = models.CharField(
        _("original id"), max_length=32, blank=True, help_text=_("gh_ and 12 characters")
    )
    app_secret = EncryptedTextField("AppSecret")
    callback_token = EncryptedTextField(_("callback token"), blank=True)
    encoding_aes_key = EncryptedTextField("EncodingAESKey", blank=True)
    previous_aes_key = EncryptedTextField(
        _("previous EncodingAESKey"),
        blank=True,
        help_text=_("WeChat may use the old key for some time after a change."),
    )
    callback_mode = models.CharField(
        _("callback mode"),
        max_length=12,
        choices=CallbackMode.choices,
        default=CallbackMode.PLAIN,
    )
    api_base_url = models.CharField(
        _("API address"),
        max_length=200,
        blank=True,
        validators=[_http_url],
        help_text=_("Empty: https://api.weixin.qq.com"),
    )
    backup_domains = models.TextField(
        _("backup addresses"),
        blank=True,
        help_text=_(
            "One a line, such as https://api2.weixin.qq.com. Used when no connection can be made."
        ),
    )
    token_call = models.CharField(
        _("token call"),
        max_length=12,
        choices=TokenCall.choices,
        default=TokenCall.STABLE,
        help_text=_("With “token”, every other program that fetches one ends ours."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    max_per_second = models.PositiveIntegerField(
        _("most messages a second"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: as fast as WeChat takes them. It is slowed down when WeChat says so."),
    )
    daily_quota = models.PositiveIntegerField(
        _("messages a day"),
        default=100_000,
        help_text=_("WeChat's daily quota of this account (100,000 at first); 0: not counted."),
    )
    urgent_reserve = models.PositiveIntegerField(
        _("of these only for urgent ones"),
        default=1_000,
        help_text=_("So many of the day's messages are never used by normal and bulk messages."),
    )
    recipient_spacing = models.PositiveIntegerField(
        _("seconds between two to a person"),
        default=0,
        help_text=_("The next message to the same person waits so long; 0: it does not."),
    )
    campaign_approval_from = models.PositiveIntegerField(
        _("campaigns need approval from"),
        default=1_000,
        help_text=_("From so many people a second person must approve a campaign. 0: always."),
    )

    class Meta:
        verbose_name = _("official account")
        verbose_name_plural = _("official accounts")
        ordering = ["name"]
        permissions = [("sync_officialaccount", "Can sync templates from WeChat")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if faults := dict(self._faults()):
            raise ValidationError(faults)

    def _faults(self) -> Iterator[tuple[str, Any]]:
        try:
            for address in self.backup_addresses:
                _http_url(address)
        except ValidationError as error:
            yield "backup_domains", f"{address}: {error.messages[0]}"
        for name in ("encoding_aes_key", "previous_aes_key"):
            if (key := getattr(self, name)) and not _AES_KEY.fullmatch(key):
                yield name, _("An EncodingAESKey has 43 letters and digits.")
        if self.callback_mode != CallbackMode.PLAIN and not self.encoding_aes_key:
            yield "encoding_aes_key", _("This callback mode needs the EncodingAESKey.")

    @property
    def backup_addresses(self) -> tuple[str, ...]:
        return tuple(line.strip() for line in self.backup_domains.splitlines() if line.strip())

    @property
    def aes_keys(self) -> tuple[str, ...]:
        return tuple(key for key in (self.encoding_aes_key, self.previous_aes_key) if key)
