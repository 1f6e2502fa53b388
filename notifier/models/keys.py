"""API keys: what each may do. A key is shown once and kept only as a hash."""

import hashlib
import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from notifier.models.clients import ApiClient
from notifier.models.priority import Priority
from templates_app.memory import Memory
from templates_app.models import MessageTemplate, OfficialAccount

PREFIX, TEST_PREFIX = "hy_", "hy_test_"
SHOWN = 5
"""Characters of a key behind its prefix that are kept, to tell it from others."""
Row = TypeVar("Row", bound=models.Model)


class Scope(models.TextChoices):
    """What a key may do. No key may do what operators do in the admin."""

    SEND = "send", _("send: single messages, and cancel them")
    BULK = "bulk", _("bulk: many messages in one request")
    READ = "read", _("read: its messages, events, figures and templates")
    CAMPAIGNS = "campaigns", _("campaigns: prepare, run and watch them")
    APPROVE = "approve", _("approve: campaigns that another has prepared")
    RECIPIENTS = "recipients", _("recipients: read, change and erase them")
    WEBHOOKS = "webhooks", _("webhooks: its own endpoints and their deliveries")


def usual_scopes() -> list[str]:
    return [Scope.SEND.value, Scope.BULK.value, Scope.READ.value]


def check_scopes(value: Any) -> None:
    if not isinstance(value, list) or not set(value) <= set(Scope.values):
        raise ValidationError(_("Choose among the scopes."))


def check_networks(text: str) -> None:
    for word in text.split():
        try:
            ipaddress.ip_network(word)
        except ValueError:
            raise ValidationError(
                _("%(word)s is no network: write 203.0.113.7 or 203.0.113.0/24, one a line."),
                params={"word": word},
            ) from None


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key may send. An empty set: no limit."""

    accounts: frozenset[int] = frozenset()
    templates: frozenset[int] = frozenset()
    highest: Priority = Priority.URGENT
    is_test: bool = False

    def reaches(self, is_test: bool, account: int, template: int) -> bool:
        """A message: of the sandbox or not, of the account and the template."""
        return (
            (is_test or not self.is_test)
            and (not self.accounts or account in self.accounts)
            and (not self.templates or template in self.templates)
        )

    def reaches_all(self, account: int, templates: Iterable[int]) -> bool:
        """What is about all these templates; about none: about the account as a whole."""
        concerned = frozenset(templates)
        return (
            not self.is_test
            and (not self.accounts or account in self.accounts)
            and _is_within(concerned, self.templates)
        )

    def covers(self, other: "Allowance") -> bool:
        """Whatever the other reaches, this does, too."""
        return (
            (other.is_test or not self.is_test)
            and _is_within(other.accounts, self.accounts)
            and _is_within(other.templates, self.templates)
        )

    def among(
        self, rows: models.QuerySet[Row], account: str, template: str
    ) -> models.QuerySet[Row]:
        """Those of its accounts and templates; the names lead to their ids."""
        if self.accounts:
            rows = rows.filter(**{f"{account}__in": self.accounts})
        if self.templates:
            rows = rows.filter(**{f"{template}__in": self.templates})
        return rows


NOTHING = frozenset({0})
"""No row has this id."""


def _is_within(some: frozenset[int], limit: frozenset[int]) -> bool:
    return not limit or (bool(some) and some <= limit)


class ApiKey(models.Model):
    """A key's SHA-256: enough for a random key of 256 bits, and fast enough for each request."""

    client = models.ForeignKey(
        ApiClient, models.CASCADE, related_name="keys", verbose_name=_("API client")
    )
    name = models.CharField(
        _("name"), max_length=100, blank=True, help_text=_("Where it is used: a service, a host.")
    )
    hint = models.CharField(_("begins with"), max_length=16, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    is_test = models.BooleanField(
        _("test key"),
        default=False,
        help_text=_(
            "Reaches the sandbox's recipients alone, with fixed results; never a person, "
            "and never WeChat."
        ),
    )
    scopes = models.JSONField(_("may"), default=usual_scopes, validators=[check_scopes])
    accounts = models.ManyToManyField(
        OfficialAccount,
        blank=True,
        related_name="+",
        verbose_name=_("accounts"),
        help_text=_("None chosen: all."),
    )
    templates = models.ManyToManyField(
        MessageTemplate,
        blank=True,
        related_name="+",
        verbose_name=_("templates"),
        help_text=_("None chosen: all of its accounts."),
    )
    only_accounts = models.BooleanField(default=False, editable=False)
    only_templates = models.BooleanField(default=False, editable=False)
    """Some were chosen. When the last of them is deleted the key reaches none, not all."""
    highest_priority = models.PositiveSmallIntegerField(
        _("highest priority"), choices=Priority.choices, default=Priority.URGENT
    )
    networks = models.TextField(
        _("networks"),
        blank=True,
        validators=[check_networks],
        help_text=_("From where it may be used, one a line: 203.0.113.0/24. Empty: all."),
    )
    per_minute = models.PositiveIntegerField(
        _("messages a minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Each message of a batch counts. Empty: no limit."),
    )
    per_day = models.PositiveIntegerField(
        _("messages in 24 hours"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
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

    def issue(self) -> str:
        """Stores the hash of a new key with what is set here, and returns the key itself: the only
        time it can be read."""
        prefix = TEST_PREFIX if self.is_test else PREFIX
        key = f"{prefix}{secrets.token_urlsafe(32)}"
        self.hint, self.digest = key[: len(prefix) + SHOWN], digest_of(key)
        self.save()
        return key

    def rotated(self, overlap: timedelta) -> "tuple[ApiKey, str]":
        """A key with the same rights, and the key itself. This one ends after the overlap."""
        fields = ("client", "name", "is_test", "scopes", "highest_priority", "networks")
        limits = ("per_minute", "per_day", "only_accounts", "only_templates")
        new = ApiKey(**{name: getattr(self, name) for name in (*fields, *limits)})
        key = new.issue()
        new.accounts.set(self.accounts.all())
        new.templates.set(self.templates.all())
        ends = timezone.now() + overlap
        if self.expires_at is None or self.expires_at > ends:
            self.expires_at = ends
            self.save(update_fields=["expires_at"])
        return new, key

    @cached_property
    def allowance(self) -> Allowance:
        accounts = frozenset(self.accounts.values_list("pk", flat=True))
        templates = frozenset(self.templates.values_list("pk", flat=True))
        return Allowance(
            accounts or (NOTHING if self.only_accounts else accounts),
            templates or (NOTHING if self.only_templates else templates),
            Priority(self.highest_priority),
            self.is_test,
        )

    @cached_property
    def _networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        return [ipaddress.ip_network(word) for word in self.networks.split()]

    def may_come_from(self, address: str) -> bool:
        """`address`: an IP, or empty if it is not known."""
        if not self._networks:
            return True
        return bool(address) and any(
            ipaddress.ip_address(address) in network for network in self._networks
        )


def _note_limit(sender: Any, instance: ApiKey, action: str, **_kwargs: Any) -> None:
    """Somebody chose; what goes with a row that is deleted sends no such signal."""
    if action.startswith("post"):
        name = "accounts" if sender is ApiKey.accounts.through else "templates"
        is_limited = getattr(instance, name).exists()
        setattr(instance, f"only_{name}", is_limited)
        ApiKey.objects.filter(pk=instance.pk).update(**{f"only_{name}": is_limited})


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


memory: Memory[ApiKey] = Memory()
for _model in (ApiClient, ApiKey):
    post_save.connect(memory.forget, sender=_model)
    post_delete.connect(memory.forget, sender=_model)
for _through in (ApiKey.accounts.through, ApiKey.templates.through):
    m2m_changed.connect(_note_limit, sender=_through)
    m2m_changed.connect(memory.forget, sender=_through)


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
    if found:
        _ = found.allowance  # two queries, by the one who loads it
    return found
