"""Recurring messages of services: a request, and when it is repeated."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifier.models.clients import ApiClient
from notifier.models.recipients import Recipient
from templates_app.models import OfficialAccount


class Late(models.TextChoices):
    """What becomes of runs whose time passed while nothing could be sent."""

    ONCE = "once", _("the last of them is sent")
    SKIP = "skip", _("none is sent")
    ALL = "all", _("each is sent")


class Schedule(models.Model):
    """`request`: the body of POST /messages that is repeated. Its client's own, by API."""

    client = models.ForeignKey(ApiClient, models.PROTECT, verbose_name=_("API client"))
    account = models.ForeignKey(OfficialAccount, models.PROTECT, verbose_name=_("account"))
    recipient = models.ForeignKey(Recipient, models.PROTECT, verbose_name=_("recipient"))
    name = models.CharField(_("name"), max_length=100)
    template = models.CharField(_("template"), max_length=64)
    request = models.JSONField()
    idempotency_key = models.CharField(max_length=263, null=True, editable=False)  # noqa: DJ001
    request_digest = models.CharField(max_length=64, blank=True, editable=False)
    is_test = models.BooleanField(_("test"), default=False)
    cron = models.CharField(_("cron expression"), max_length=100)
    zone = models.CharField(_("time zone"), max_length=50)
    late = models.CharField(
        _("runs that were missed"), max_length=4, choices=Late.choices, default=Late.ONCE
    )
    is_active = models.BooleanField(_("active"), default=True)
    next_at = models.DateTimeField(_("next"), null=True)
    """None: it never comes again, or it is paused."""
    last_at = models.DateTimeField(_("last"), null=True)
    last_message = models.UUIDField(null=True)
    last_problem = models.CharField(_("last problem"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("recurring message")
        verbose_name_plural = _("recurring messages")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "idempotency_key"], name="schedule_request_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=Q(next_at__isnull=False), name="schedule_due"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def switch(self, is_on: bool, next_at: datetime) -> None:
        """`next_at`: its next time, if it goes on."""
        self.is_active, self.next_at = is_on, next_at if is_on else None
        self.save(update_fields=["is_active", "next_at"])
