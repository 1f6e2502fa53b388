"""The services that call the API, and their keys. A key is shown once and kept only as a hash."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from templates_app.encryption import EncryptedTextField
from templates_app.memory import Memory

KEY_PREFIX = "hy_"


class ApiClient(models.Model):
    """One calling service."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    is_active = models.BooleanField(_("active"), default=True)
    webhook_url = models.CharField(
        _("webhook"),
        max_length=500,
        blank=True,
        validators=[URLValidator(schemes=["https", "http"])],
        help_text=_("Told of messages whose template falls back to the service."),
    )
    webhook_secret = EncryptedTextField(
        _("webhook secret"),
        blank=True,
        validators=[RegexValidator(r"^whsec_[A-Za-z0-9+/]{32,}={0,2}$", _("whsec_ and base64."))],
        help_text=_("Signs what is posted there, as Standard Webhooks describes: whsec_…"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def make_key(self, expires_at: datetime | None = None) -> str:
        """Stores a new key's hash and returns the key itself: the only time it can be read."""
        key = f"{KEY_PREFIX}{secrets.token_urlsafe(32)}"
        self.keys.create(hint=key[:8], digest=digest_of(key), expires_at=expires_at)
        return key


class ApiKey(models.Model):
    """A key's SHA-256: enough for a random key of 256 bits, and fast enough for each request."""

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="keys")
    hint = models.CharField(_("begins with"), max_length=12, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.hint}…"


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


memory: Memory[ApiKey] = Memory()
for _model in (ApiClient, ApiKey):
    post_save.connect(memory.forget, sender=_model)
    post_delete.connect(memory.forget, sender=_model)


def find_key(key: str) -> ApiKey | None:
    """The key with its client if it may be used now. Notes its use, at most once a minute."""
    return find_digest(digest_of(key))


def find_digest(digest: str) -> ApiKey | None:
    """The same, for who was given something in a key's place (the gateway's tokens)."""
    found = memory.get(digest, _load)
    if found is None or (found.expires_at and found.expires_at <= timezone.now()):
        return None
    return found


def _load(digest: str) -> ApiKey | None:
    now = timezone.now()
    usable = ApiKey.objects.filter(digest=digest, revoked_at=None, client__is_active=True)
    found = usable.select_related("client").first()
    if found and (found.last_used_at is None or now - found.last_used_at > timedelta(minutes=1)):
        ApiKey.objects.filter(pk=found.pk).update(last_used_at=now)
    return found
