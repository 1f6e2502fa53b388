"""Where services are told of events, and what became of each telling."""

import base64
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifier.models.clients import ApiClient
from notifier.models.events import ClientEvent
from notifier.models.ids import new_message_id
from notifier.models.keys import Allowance
from templates_app.encryption import EncryptedTextField

OVERLAP = timedelta(hours=24)
"""How long the secret before the last one signs along."""


class OffBecause(models.TextChoices):
    """Why the machine switched an endpoint off."""

    GONE = "gone", _("The service answered 410 Gone: it wants no more.")
    FAILING = "failing", _("It failed for three days.")


class WebhookEndpoint(models.Model):
    """An address of a calling service."""

    id = models.UUIDField(primary_key=True, default=new_message_id, editable=False)
    client = models.ForeignKey(
        ApiClient, models.CASCADE, related_name="endpoints", verbose_name=_("API client")
    )
    url = models.CharField(
        _("webhook address"),
        max_length=500,
        validators=[URLValidator(schemes=["https", "http"])],
        help_text=_("Events are posted there: https://…"),
    )
    description = models.CharField(_("description"), max_length=100, blank=True)
    types = models.JSONField(
        _("events"), default=list, blank=True, help_text=_("None chosen: all of them.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_test = models.BooleanField(_("test"), default=False, editable=False)
    """Made with a test key: it is told of the sandbox's messages alone."""
    accounts = models.JSONField(default=list, editable=False)
    templates = models.JSONField(default=list, editable=False)
    """The ids that its key was limited to; empty: all. No relations: with a template that is
    deleted the limit would go, and it would be told of everything."""
    secret = EncryptedTextField(_("secret"), editable=False)
    previous_secret = EncryptedTextField(_("previous secret"), blank=True, editable=False)
    previous_until = models.DateTimeField(_("previous secret until"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    paused_until = models.DateTimeField(_("next attempt"), null=True, editable=False)
    off_because = models.CharField(
        _("switched off because"),
        max_length=12,
        choices=OffBecause.choices,
        blank=True,
        editable=False,
    )

    SWITCHED = ("is_active", "off_because", "failures", "failing_since", "paused_until")
    """What `switch` sets."""

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ["client__name", "pk"]

    def __str__(self) -> str:
        """Without the path, which may hold a token."""
        return f"{self.client} · {self.host}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def new_secret(self, now: datetime) -> str:
        """Sets and returns it: shown once. The one before signs along for a while."""
        if self.secret:
            self.previous_secret, self.previous_until = self.secret, now + OVERLAP
        self.secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        return self.secret

    def secrets_at(self, now: datetime) -> list[str]:
        """What signs, the newest first."""
        is_over = self.previous_until is None or self.previous_until <= now
        earlier = [] if is_over or not self.previous_secret else [self.previous_secret]
        return [self.secret, *earlier]

    @property
    def allowance(self) -> Allowance:
        """That of the key that made it: it is told of nothing that the key may not read."""
        return Allowance(frozenset(self.accounts), frozenset(self.templates), is_test=self.is_test)

    @property
    def is_limited(self) -> bool:
        return self.allowance != Allowance()

    def wants(self, event_type: str) -> bool:
        return not self.types or event_type in self.types

    def switch(self, on: bool) -> None:
        """By hand: what waits is sent at once, and what was failing has a new start."""
        self.is_active, self.off_because = on, ""
        self.failures, self.failing_since, self.paused_until = 0, None, None


class Outcome(models.TextChoices):
    WAITING = "waiting", _("waiting")
    DELIVERED = "delivered", _("told")
    FAILED = "failed", _("given up")


class WebhookDelivery(models.Model):
    """One event to one endpoint: at least once, under the same event id."""

    event = models.ForeignKey(
        ClientEvent,
        models.CASCADE,
        db_index=False,  # delivery_once begins with it
        related_name="deliveries",
        verbose_name=_("event"),
    )
    endpoint = models.ForeignKey(
        WebhookEndpoint,
        models.CASCADE,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("webhook endpoint"),
    )
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.WAITING
    )
    due_at = models.DateTimeField(_("next attempt"), null=True)
    """While somebody sends it: until when it is theirs. Empty: nothing is to be done."""
    tries = models.PositiveSmallIntegerField(_("attempts"), default=0)
    finished_at = models.DateTimeField(_("finished"), null=True)
    log = models.JSONField(_("attempts"), default=list)
    """The last attempts: {at, ms, status, error, answer}."""

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-id"]
        default_permissions = ("view",)
        permissions = [("replay_webhookdelivery", _("Can have webhooks sent again"))]
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="delivery_once"),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at", "id"],
                condition=Q(due_at__isnull=False),
                name="delivery_due",
            ),
            models.Index(fields=["endpoint", "-id"], name="delivery_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.endpoint.host}"
