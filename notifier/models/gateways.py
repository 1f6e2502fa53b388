"""The drop-in gateway: clients that speak WeChat's own API to us, what we told them of each
message, and the receipts that they are pushed."""

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.utils.translation import gettext_lazy as _

from notifier.models.clients import ApiClient
from notifier.models.messages import Message, State
from templates_app.encryption import EncryptedTextField
from templates_app.memory import Memory
from templates_app.models import OfficialAccount
from templates_app.models.accounts import CallbackMode

FIRST_MSGID = 10**15
"""Beside it the row's id. Below 2**53: exact in JavaScript, where WeChat's own are not."""

LOOK_AFTER = timedelta(minutes=1)
"""When the clock looks for itself whether a message has ended; most are told of by `push_ends`."""


def new_appid() -> str:
    """Of the shape of WeChat's, which SDKs may check."""
    return f"wx{secrets.token_hex(8)}"


class Gateway(models.Model):
    """What a client gives its SDK in WeChat's place, and where its receipts go."""

    client = models.OneToOneField(
        ApiClient, models.CASCADE, related_name="gateway", verbose_name=_("API client")
    )
    appid = models.CharField("AppID", max_length=18, unique=True, default=new_appid, editable=False)
    account = models.ForeignKey(
        OfficialAccount,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="gateways",
        verbose_name=_("speaks for"),
        help_text=_("Whom its messages come from. Empty: the gateway is switched off."),
    )
    callback_url = models.CharField(
        _("callback address"),
        max_length=500,
        blank=True,
        validators=[URLValidator(schemes=["https", "http"])],
        help_text=_("Where receipts go, as WeChat pushes them. Empty: none are pushed."),
    )
    callback_token = EncryptedTextField(
        _("callback token"),
        blank=True,
        validators=[RegexValidator(r"^[A-Za-z0-9]{3,32}$", _("3 to 32 letters and digits."))],
        help_text=_("Signs the pushes: the token that the service has set up."),
    )
    callback_mode = models.CharField(
        _("callback mode"),
        max_length=12,
        choices=CallbackMode.choices,
        default=CallbackMode.PLAIN,
    )
    encoding_aes_key = EncryptedTextField(
        "EncodingAESKey",
        blank=True,
        validators=[
            RegexValidator(r"^[A-Za-z0-9]{43}$", _("An EncodingAESKey has 43 letters and digits."))
        ],
    )
    refreshed_at = models.DateTimeField(null=True, editable=False)
    """stable_token's last force_refresh: its tokens from before are dead."""
    verified_at = models.DateTimeField(_("callback verified"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("gateway")
        verbose_name_plural = _("gateways")
        ordering = ["client__name"]

    def __str__(self) -> str:
        return f"{self.client} · {self.appid}"

    def clean(self) -> None:
        if faults := dict(self._faults()):
            raise ValidationError(faults)

    def _faults(self) -> Iterator[tuple[str, Any]]:
        if self.callback_url and not self.callback_token:
            yield "callback_token", _("A callback needs the token that signs it.")
        if self.callback_mode != CallbackMode.PLAIN and not self.encoding_aes_key:
            yield "encoding_aes_key", _("This callback mode needs the EncodingAESKey.")


class GatewayMessage(models.Model):
    """What a client was told of a message, and the receipt that it is pushed."""

    gateway = models.ForeignKey(
        Gateway, models.CASCADE, related_name="messages", db_index=False, verbose_name=_("gateway")
    )
    message = models.OneToOneField(Message, models.CASCADE, related_name="gateway_message")
    due_at = models.DateTimeField(null=True)
    """When to look whether it ended, or to push (again); empty when that is done."""
    ended_at = models.DateTimeField(_("ended"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    pushed_at = models.DateTimeField(_("pushed"), null=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("receipt of the gateway")
        verbose_name_plural = _("receipts of the gateway")
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(due_at__isnull=False), name="gateway_message_due"
            ),
            models.Index(fields=["gateway", "-id"], name="gateway_message_newest"),
        ]

    def __str__(self) -> str:
        return str(self.msgid)

    @property
    def msgid(self) -> int:
        """The number that the client knows the message by."""
        return FIRST_MSGID + self.pk


def message_of(msgid: str) -> UUID | None:
    """The message that a client knows by this number."""
    number = int(msgid) if msgid.isascii() and msgid.isdigit() and len(msgid) < 19 else 0
    known = GatewayMessage.objects.filter(pk=max(number - FIRST_MSGID, 0))
    return known.values_list("message_id", flat=True).first()


UNENDED = frozenset({State.QUEUED, State.SENDING, State.SENT})


def push_ends(message_ids: Collection[UUID], now: datetime) -> None:
    """In the transaction that ends the messages: those of gateways are pushed at once. One that
    ends anew, by a late receipt or after another try, is pushed again."""
    if message_ids:
        rows = GatewayMessage.objects.filter(message__in=list(message_ids))
        rows.update(due_at=now, ended_at=now, attempts=0)


@dataclass(frozen=True, slots=True)
class Known:
    """What each call needs of a client's gateway; its secrets are not decrypted for that."""

    pk: int
    appid: str
    account_id: int | None
    refreshed_at: datetime | None


memory: Memory[Known] = Memory()
for _model in (Gateway, ApiClient):
    post_save.connect(memory.forget, sender=_model)
    post_delete.connect(memory.forget, sender=_model)


def gateway_of(client_id: int) -> Known | None:
    def load(_key: str) -> Known | None:
        row = Gateway.objects.filter(client_id=client_id)
        values = row.values_list("pk", "appid", "account_id", "refreshed_at").first()
        return Known(*values) if values else None

    return memory.get(str(client_id), load)
