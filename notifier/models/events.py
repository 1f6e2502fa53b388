"""What the calling services are told: each change of a message that they care about, once.

A change is written to the outbox in its own transaction. A relay (`notifier/webhooks/relay.py`)
moves it into the log of events, whose ids therefore ascend in the order of commits: a reader that
goes on after an id misses none that was committed late.
"""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifier.models.clients import ApiClient
from notifier.models.ids import first_pk_at, new_message_id
from notifier.models.messages import Message, State


class EventType(models.TextChoices):
    SENT = "message.sent", _("WeChat accepted the message")
    DELIVERED = "message.delivered", _("delivered")
    UNDELIVERED = "message.undelivered", _("not delivered")
    FAILED = "message.failed", _("could not be sent")
    UNKNOWN = "message.unknown", _("nobody knows whether it was delivered")
    EXPIRED = "message.expired", _("its time ran out")
    CANCELLED = "message.cancelled", _("cancelled")
    FALLBACK = "message.fallback", _("the service is asked to reach the person (fallback)")
    ANOMALY_RAISED = "anomaly.raised", _("something is unusual")
    ANOMALY_ENDED = "anomaly.ended", _("an anomaly is no longer open")
    PING = "ping", _("test event")


TOLD = frozenset(
    {
        State.SENT,
        State.DELIVERED,
        State.UNDELIVERED,
        State.FAILED,
        State.UNKNOWN,
        State.EXPIRED,
        State.CANCELLED,
    }
)
"""States whose change is an event of the type `message.<state>`."""


class _Change(models.Model):
    """`reason`: of a fallback its cause."""

    type = models.CharField(_("type"), max_length=24, choices=EventType.choices)
    state = models.CharField(max_length=12, blank=True)
    at = models.DateTimeField(_("time"))
    attempt = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=12, blank=True)
    errcode = models.IntegerField(null=True)
    detail = models.CharField(max_length=300, blank=True)
    about = models.JSONField(null=True)
    """Of an event that is no message's: `data` as services get it, and whom it concerns, by which
    the limits of keys and endpoints are kept: `account`, an id, and `templates`, ids."""

    class Meta:
        abstract = True


class OutboxEntry(_Change):
    """A change on its way into the log. Rows come with every send: no index and no constraint that
    nobody needs."""

    message = models.ForeignKey(
        Message, models.CASCADE, null=True, db_index=False, db_constraint=False, related_name="+"
    )
    client = models.ForeignKey(
        ApiClient, models.CASCADE, db_index=False, db_constraint=False, related_name="+"
    )

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.type


class ClientEvent(_Change):
    """One event. Rows are only added, and go when they are old. What it says of the person and the
    template is read from the message, so that who is erased is erased here, too."""

    uid = models.UUIDField(default=new_message_id, editable=False)
    client = models.ForeignKey(ApiClient, models.CASCADE, db_index=False, related_name="events")
    message = models.ForeignKey(
        Message, models.CASCADE, null=True, db_index=False, related_name="client_events"
    )
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["id"]
        default_permissions = ()
        indexes = [
            models.Index(fields=["client", "id"], name="client_event_order"),
            models.Index(
                fields=["message"], condition=Q(message__isnull=False), name="client_event_message"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return f"evt_{self.uid.hex}"


def first_event_at(moment: datetime) -> int:
    """The lowest id of an event that was made at the moment or later."""
    return first_pk_at(ClientEvent.objects.all(), "created_at", moment)


class EventLog(models.Model):
    """The one row whose lock is the right to append to the log."""

    pruned_through = models.BigIntegerField(default=0)
    """The highest id of an event that was removed for its age."""

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"pruned through {self.pruned_through}"
