"""Messages and their timeline. `MOVES` is the one table of allowed changes of state.

queued -> sending -> sent -> delivered | undelivered
   |         |-> queued (retry) | failed | unknown | expired
   |-> unknown | expired | cancelled
unknown -> delivered | undelivered (a receipt came after all)
failed | expired | cancelled | unknown -> queued (somebody lets it be tried again)
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.base import ModelState
from django.utils.translation import gettext_lazy as _

from notifier.models.campaigns import Campaign
from notifier.models.clients import ApiClient
from notifier.models.ids import new_message_id
from notifier.models.priority import Priority
from notifier.models.recipients import Recipient
from templates_app.models import OfficialAccount, TemplateVersion


class State(models.TextChoices):
    """Each state says who acts next."""

    QUEUED = "queued", _("queued")
    """Accepted; waits for its lane, its time or a retry (`reason` says which). Next: dispatch."""
    SENDING = "sending", _("sending")
    """Claimed by a worker until `lease_until`. Next: dispatch."""
    SENT = "sent", _("sent")
    """WeChat answered errcode 0. A normal final state: a receipt can be lost."""
    DELIVERED = "delivered", _("delivered")
    """WeChat's receipt says success."""
    UNDELIVERED = "undelivered", _("undelivered")
    """WeChat's receipt says failed; the raw status is kept. Next: the operator."""
    FAILED = "failed", _("failed")
    """WeChat or we refused it for good. Next: the operator."""
    UNKNOWN = "unknown", _("unknown")
    """Perhaps delivered, and WeChat's guard against doubles is over. Next: the operator."""
    EXPIRED = "expired", _("expired")
    """Its time ran out before it was sent."""
    CANCELLED = "cancelled", _("cancelled")
    """Somebody cancelled it before it was sent."""


MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.SENDING, State.UNKNOWN, State.EXPIRED, State.CANCELLED}),
    State.SENDING: frozenset(
        {State.QUEUED, State.SENT, State.FAILED, State.UNKNOWN, State.EXPIRED}
    ),
    State.SENT: frozenset({State.DELIVERED, State.UNDELIVERED}),
    State.UNKNOWN: frozenset({State.DELIVERED, State.UNDELIVERED, State.QUEUED}),
    State.DELIVERED: frozenset(),
    State.UNDELIVERED: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
    State.EXPIRED: frozenset({State.QUEUED}),
    State.CANCELLED: frozenset({State.QUEUED}),
}


class Reason(models.TextChoices):
    """Why a queued message waits."""

    NONE = "", ""
    SCHEDULED = "scheduled", _("waits for its time")
    RETRY = "retry", _("waits for a retry")
    ACCOUNT = "account", _("waits until the account works again")
    QUOTA = "quota", _("waits until WeChat's daily quota is reset")
    PACE = "pace", _("waits for its turn: the account sends as fast as it may")
    SPACING = "spacing", _("waits: the person got a message a short while ago")
    TEMPLATE = "template", _("waits until the template is released")
    PAUSED = "paused", _("waits: its campaign is paused")
    FALLBACK = "fallback", _("sent another way")
    OPERATOR = "operator", _("somebody lets it be tried again")
    RETURNED = "returned", _("a worker stopped before it was sent")


NEEDS_SOMEBODY = Q(state__in=["cancelled", "expired", "failed", "undelivered", "unknown"])


class Message(models.Model):
    """One template message to one recipient, with the JSON that WeChat gets."""

    id = models.UUIDField(primary_key=True, default=new_message_id, editable=False)
    account = models.ForeignKey(
        OfficialAccount, models.PROTECT, db_index=False, verbose_name=_("account")
    )
    version = models.ForeignKey(
        TemplateVersion, models.PROTECT, db_index=False, verbose_name=_("template")
    )
    recipient = models.ForeignKey(
        Recipient, models.PROTECT, db_index=False, verbose_name=_("recipient")
    )
    client = models.ForeignKey(
        ApiClient,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # message_client begins with it
        verbose_name=_("API client"),
    )
    requested_by = models.CharField(_("requested by"), max_length=150, blank=True)
    campaign = models.ForeignKey(
        Campaign,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="messages",
        verbose_name=_("campaign"),
    )
    openid = models.CharField("OpenID", max_length=64)
    priority = models.PositiveSmallIntegerField(
        _("priority"), choices=Priority.choices, default=Priority.NORMAL
    )
    payload = models.TextField(_("sent to WeChat"), help_text=_("The JSON body of template/send"))
    traceparent = models.CharField(max_length=55, blank=True, editable=False)
    baggage = models.CharField(max_length=512, blank=True, editable=False)
    """W3C's, of the request that made the message (`notifier/tracing/`)."""
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    is_test = models.BooleanField(
        _("test"), default=False, help_text=_("Sent by “Send a test”; it is in no figure.")
    )
    idempotency_key = models.CharField(max_length=263, null=True, blank=True)  # noqa: DJ001
    request_digest = models.CharField(max_length=64, blank=True)

    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason.choices, blank=True)
    created_at = models.DateTimeField(_("accepted"))
    due_at = models.DateTimeField(_("due"))
    expires_at = models.DateTimeField(_("expires"))
    claimed_by = models.CharField(_("worker"), max_length=64, blank=True)
    lease_until = models.DateTimeField(_("lease until"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    in_doubt_since = models.DateTimeField(
        _("in doubt since"),
        null=True,
        help_text=_("The first attempt that WeChat may have accepted without our knowing."),
    )

    msgid = models.CharField(_("WeChat's msgid"), max_length=20, blank=True)
    errcode = models.IntegerField("errcode", null=True)
    errmsg = models.CharField("errmsg", max_length=300, blank=True)
    rid = models.CharField("rid", max_length=40, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True)
    receipt_status = models.CharField(_("receipt"), max_length=64, blank=True)
    receipt_at = models.DateTimeField(_("receipt at"), null=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-id"]
        permissions = [("repair_message", _("Can cancel messages and have them sent again"))]
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_key", "client"],
                condition=Q(idempotency_key__isnull=False),
                name="idempotency_key_once",
            )
        ]
        indexes = [
            # Of what waits. (Each says that its column is not null, so that only a query about that
            # column can take it. While the statistics say that hardly anything waits, all of them
            # seem alike to PostgreSQL: it claimed by the one of expiry, and sorted all that had
            # come since for each two hundred messages.)
            # Claiming: the oldest due rows of a lane. The clock: which lanes have due rows.
            models.Index(
                fields=["account", "priority", "due_at", "id"],
                condition=Q(state="queued", due_at__isnull=False),
                name="message_due",
            ),
            # Recovery: rows whose worker died.
            models.Index(
                fields=["lease_until"],
                condition=Q(state="sending", lease_until__isnull=False),
                name="message_leases",
            ),
            # Expiry, of rows that nobody claims too; and the end of WeChat's guard.
            models.Index(
                fields=["expires_at"],
                condition=Q(state="queued", expires_at__isnull=False),
                name="message_expiry",
            ),
            models.Index(
                fields=["in_doubt_since"],
                condition=Q(state="queued", in_doubt_since__isnull=False),
                name="message_doubt",
            ),
            # Receipts.
            # (A condition that both databases find in the queries: `msgid > ''`, said there too.)
            models.Index(
                fields=["msgid", "account"], condition=Q(msgid__gt=""), name="message_msgid"
            ),
            # The log page: newest first within each filter.
            # (Of states that need somebody: the usual ones are found soon without an index, and no
            # message on its usual way is entered here.)
            models.Index(fields=["state", "-id"], condition=NEEDS_SOMEBODY, name="message_state"),
            models.Index(fields=["recipient", "-id"], name="message_recipient"),
            models.Index(fields=["account", "-id"], name="message_account"),
            models.Index(fields=["version", "-id"], name="message_version"),
            # What a service lists: its own. A campaign's are not entered here.
            models.Index(
                fields=["client", "-id"], condition=Q(client__isnull=False), name="message_client"
            ),
            # A campaign's messages, and those of them that wait. Others are not entered here.
            models.Index(
                fields=["campaign", "-id"],
                condition=Q(campaign__isnull=False),
                name="message_campaign",
            ),
            models.Index(
                fields=["campaign"],
                condition=Q(state="queued", campaign__isnull=False),
                name="message_campaign_waits",
            ),
            models.Index(fields=["-id"], condition=Q(is_test=True), name="message_test"),
            # (errcode 0 is success: no message on its usual way is entered here.)
            models.Index(
                fields=["errcode", "-id"],
                condition=Q(errcode__lt=0) | Q(errcode__gt=0),
                name="message_errcode",
            ),
        ]

    def __str__(self) -> str:
        return self.id.hex

    @classmethod
    def fresh(cls, **columns: Any) -> "Message":
        """`Message(**columns)` at a fifth of its cost, which is felt in accepting: Django looks at
        each field by itself. What is not given has the field's default; `id` and `metadata`, whose
        defaults are made anew each time, must be given."""
        message = cls.__new__(cls)
        message._state = ModelState()
        message.__dict__ |= _DEFAULTS | columns
        return message


_DEFAULTS = {
    field.attname: field.get_default()
    for field in Message._meta.concrete_fields
    if field.name not in ("id", "metadata")
}


SLOW_CALL_SECONDS = 3
SLOW_CALL_MS = SLOW_CALL_SECONDS * 1000
"""A call to WeChat that took so long is one that somebody looks for."""


class MessageEvent(models.Model):
    """One change of a message's state: when, to what, and what was known about it."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=State.choices)
    attempt = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=12, choices=Reason.choices, blank=True)
    errcode = models.IntegerField(null=True)
    detail = models.CharField(max_length=300, blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    phases = models.JSONField(null=True)
    """Where these milliseconds went, as `notifier.wechat.phases.Phases.as_dict`; null: nearly all
    of them were waiting for WeChat's answer, on a kept connection."""
    next_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            # The slow ones of the log: no call on its usual way is entered here.
            models.Index(
                fields=["message"], condition=Q(duration_ms__gte=SLOW_CALL_MS), name="event_slow"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.at:%H:%M:%S}"
