"""The other way to a person: a row for each message whose template's fallback is taken."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifier.models.events import EventType
from notifier.models.messages import Message
from notifier.models.webhooks import WebhookEndpoint
from templates_app.models import Fallback


class FallbackCause(models.TextChoices):
    REFUSAL = "refusal", _("WeChat's way to the person is closed")
    EXPIRY = "expiry", _("its time ran out")
    OUTAGE = "outage", _("the account could not send")


class FallbackSend(models.Model):
    """Made in the transaction that ends the message, sent afterwards by the fallback's job."""

    message = models.OneToOneField(Message, models.CASCADE, related_name="fallback")
    cause = models.CharField(_("cause"), max_length=8, choices=FallbackCause.choices)
    created_at = models.DateTimeField(_("created"))
    due_at = models.DateTimeField(null=True)
    """When to (re)try it; empty when it is done or given up."""
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("fallback")
        verbose_name_plural = _("fallbacks")
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="fallback_due"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.cause}"


_WANTED: dict[FallbackCause, Q] = {
    FallbackCause.REFUSAL: Q(version__template__fallback_on_refusal=True),
    FallbackCause.EXPIRY: Q(version__template__fallback_on_expiry=True),
    FallbackCause.OUTAGE: Q(version__template__fallback_on_outage__gt=0),
}


def has_way() -> Q:
    """Of messages: the other way leads to somebody. Those whose way ends nowhere rather wait for
    the account than be lost."""
    endpoints = WebhookEndpoint.objects.filter(is_active=True).only("client", "types")
    told = {one.client_id for one in endpoints if one.wants(EventType.FALLBACK)}
    found = Q(version__template__fallback=Fallback.WEBHOOK, client__in=told)
    if settings.HAS_MAIL_SERVER:
        found |= Q(version__template__fallback=Fallback.EMAIL) & ~Q(recipient__email="")
    return found


def begin_fallbacks(message_ids: Iterable[UUID], cause: FallbackCause, now: datetime) -> None:
    """For those of the messages whose template's operator chose it. Once for each message; what was
    given up before somebody let the message be tried again begins anew."""
    ids = list(message_ids)
    if not ids:
        return
    wanted = Message.objects.filter(_WANTED[cause], pk__in=ids).exclude(
        version__template__fallback=""
    )
    if not (chosen := list(wanted.values_list("pk", flat=True))):
        return
    begun = {"cause": cause, "created_at": now, "due_at": now}
    given_up = FallbackSend.objects.filter(message__in=chosen, due_at=None, sent_at=None)
    given_up.update(**begun, attempts=0, detail="")
    FallbackSend.objects.bulk_create(
        [FallbackSend(message_id=pk, **begun) for pk in chosen], ignore_conflicts=True
    )
