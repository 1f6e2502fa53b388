"""Campaigns: one template version to many people. `CAMPAIGN_MOVES` is the one table of allowed
changes of state.

draft -> checking -> checked -> submitted -> scheduled -> canary -> running -> done
                        |----- (small) ----------^           |          |
                                                             paused <---|
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifier.models.clients import ApiClient
from notifier.models.groups import RecipientGroup, WeChatTag
from notifier.models.priority import Priority
from notifier.models.recipients import Recipient
from notifier.models.segments import Segment
from notifier.models.tasks import ClaimedTask
from templates_app.models import OfficialAccount, TemplateVersion


class CampaignState(models.TextChoices):
    """Each state says who acts next."""

    DRAFT = "draft", _("draft")
    """Being written. Next: the operator, who has it checked."""
    CHECKING = "checking", _("being checked")
    """The pre-flight reads the audience; nothing is sent. Next: the background worker."""
    CHECKED = "checked", _("checked")
    """Its figures are on the page. Next: the operator, who starts it or hands it in."""
    SUBMITTED = "submitted", _("waits for approval")
    """Next: a second person."""
    SCHEDULED = "scheduled", _("scheduled")
    """Next: the clock, when its time has come."""
    CANARY = "canary", _("trial running")
    """Its first messages are sent, and their receipts waited for. Next: the clock."""
    RUNNING = "running", _("running")
    PAUSED = "paused", _("paused")
    """By somebody, or by itself; `reason` says why. Next: the operator."""
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")


_S = CampaignState
CAMPAIGN_MOVES: dict[CampaignState, frozenset[CampaignState]] = {
    _S.DRAFT: frozenset({_S.CHECKING, _S.CANCELLED}),
    _S.CHECKING: frozenset({_S.CHECKED, _S.DRAFT, _S.CANCELLED}),
    _S.CHECKED: frozenset({_S.DRAFT, _S.CHECKING, _S.SUBMITTED, _S.SCHEDULED, _S.CANCELLED}),
    _S.SUBMITTED: frozenset({_S.DRAFT, _S.SCHEDULED, _S.CANCELLED}),
    _S.SCHEDULED: frozenset({_S.DRAFT, _S.CANARY, _S.RUNNING, _S.CANCELLED}),
    _S.CANARY: frozenset({_S.RUNNING, _S.PAUSED, _S.DONE, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.DONE, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.CANARY, _S.RUNNING, _S.CANCELLED}),
    _S.DONE: frozenset(),
    _S.CANCELLED: frozenset(),
}
FEEDING = (_S.CANARY, _S.RUNNING)
"""States in which messages are made."""
EDITABLE = (_S.DRAFT, _S.CHECKED)
ENDED = (_S.DONE, _S.CANCELLED)
NEVER = datetime(2999, 1, 1, tzinfo=UTC)
"""When messages of a campaign that is paused or cancelled are due: out of the claims' reach."""
LIFETIME = timedelta(days=7)
"""Of a campaign's messages: they outlast a day without quota or a night without the account."""


class Audience(models.TextChoices):
    SEGMENT = "segment", _("a segment")
    GROUP = "group", _("a recipient group")
    TAG = "tag", _("a WeChat tag")
    UPLOAD = "upload", _("a file with a row for each person")


def here() -> str:
    return settings.TIME_ZONE


def _share(title: Any) -> Any:
    return models.DecimalField(
        title,
        max_digits=4,
        decimal_places=1,
        default=Decimal(5),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )


class Campaign(ClaimedTask):
    """`audience` says which one of segment, group, tag and upload counts. The people are looked up
    by the pre-flight and stay those whom it found (`CampaignRow`): what is approved is what is
    sent."""

    name = models.CharField(_("name"), max_length=100)
    account = models.ForeignKey(
        OfficialAccount, models.PROTECT, related_name="campaigns", verbose_name=_("account")
    )
    version = models.ForeignKey(
        TemplateVersion, models.PROTECT, related_name="campaigns", verbose_name=_("template")
    )
    data = models.JSONField(_("values"), default=dict, blank=True)
    """variable -> text, for everybody; a row of an upload has its own before these."""

    audience = models.CharField(
        _("audience"), max_length=8, choices=Audience.choices, default=Audience.SEGMENT
    )
    segment = models.ForeignKey(
        Segment, models.PROTECT, null=True, blank=True, verbose_name=_("segment")
    )
    group = models.ForeignKey(
        RecipientGroup, models.PROTECT, null=True, blank=True, verbose_name=_("recipient group")
    )
    tag = models.ForeignKey(
        WeChatTag, models.SET_NULL, null=True, blank=True, verbose_name=_("WeChat tag")
    )
    upload_name = models.CharField(_("file"), max_length=200, blank=True)

    priority = models.PositiveSmallIntegerField(
        _("priority"),
        choices=[(one.value, one.label) for one in (Priority.NORMAL, Priority.BULK)],
        default=Priority.BULK,
    )
    send_at = models.DateTimeField(_("begins"), null=True, blank=True)
    zone = models.CharField(_("time zone"), max_length=50, default=here)
    """In which `send_at` was entered and is shown; itself it is a moment."""
    pace = models.PositiveIntegerField(
        _("messages a second"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("At most so many. Empty: as fast as the account may send."),
    )
    canary_percent = models.PositiveSmallIntegerField(
        _("trial with the first … %"),
        default=1,
        validators=[MaxValueValidator(50)],
        help_text=_("At least ten people; the rest waits for their receipts. 0: no trial."),
    )
    canary_minutes = models.PositiveSmallIntegerField(
        _("minutes for the receipts"),
        default=10,
        validators=[MinValueValidator(1)],
        help_text=_("When fewer than half of the receipts have come by then, it pauses."),
    )
    most_failed = _share(_("pauses above … % failed"))
    most_refused = _share(_("pauses above … % refused"))
    most_blocked = _share(_("pauses above … % blocked"))

    client = models.ForeignKey(
        ApiClient,
        models.PROTECT,
        null=True,
        editable=False,
        db_index=False,  # campaign_request_once begins with it
        related_name="campaigns",
        verbose_name=_("API client"),
    )
    idempotency_key = models.CharField(max_length=255, null=True, editable=False)  # noqa: DJ001
    request_digest = models.CharField(max_length=64, blank=True, editable=False)
    replay_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="replays",
        verbose_name=_("replay of"),
    )
    family = models.BigIntegerField(null=True, editable=False, db_index=True)
    """The campaign that the first replay was made of; all of its replays have the same."""
    created_by = models.CharField(_("created by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    editors = models.JSONField(_("written by"), default=list, editable=False)
    """User names: everybody who changed or handed in what is to be approved."""
    approved_by = models.CharField(_("approved by"), max_length=150, blank=True)
    approved_at = models.DateTimeField(_("approved"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    state = models.CharField(
        _("state"), max_length=10, choices=CampaignState.choices, default=CampaignState.DRAFT
    )
    reason = models.JSONField(default=list)
    """[text, params] of why it is paused or could not be checked; the text is an English msgid."""

    # The pre-flight.
    percent = models.PositiveSmallIntegerField(_("progress"), default=0)
    checked_at = models.DateTimeField(_("checked"), null=True)
    total = models.PositiveIntegerField(_("people"), default=0)
    ready = models.PositiveIntegerField(_("will be sent"), default=0)
    problems = models.JSONField(default=dict)
    """code of the problem -> rows that have it."""
    longest = models.JSONField(default=list)
    """The pks of the rows that fill the template's fields most."""
    ignored_columns = models.JSONField(default=list)
    forgotten_at = models.DateTimeField(null=True)
    """When its file and the values of its rows were deleted; None: it may have some."""
    audience_deleted_at = models.DateTimeField(null=True)
    """From then on its rows are deleted; None: it may have some."""

    # The sending. Moved by `campaigns/feed.py` and `watch.py` under the row's lock.
    fed_until = models.BigIntegerField(default=0)
    """The last row that has become a message, or was refused."""
    fed = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    """Rows that were fit at the pre-flight, and not any more when their turn came."""
    next_due_at = models.DateTimeField(null=True)
    canary_over = models.BooleanField(default=False)
    canary_fed_at = models.DateTimeField(null=True)
    judged = models.JSONField(default=dict)
    """What had ended when the stretch began that is judged now; {}: it begins with the next count,
    for somebody has seen what was before, and let it go on."""
    figures = models.JSONField(default=dict)
    """state -> messages, as of figures_at."""
    figures_at = models.DateTimeField(null=True)
    per_second = models.FloatField(default=0)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-id"]
        permissions = [
            ("run_campaign", _("Can start, pause and cancel campaigns")),
            ("approve_campaign", _("Can approve campaigns of others")),
        ]
        indexes = [models.Index(fields=["state"], name="campaign_state")]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "idempotency_key"], name="campaign_request_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_at_work(self) -> bool:
        return self.state in (CampaignState.CHECKING, *FEEDING)

    @property
    def canary_size(self) -> int:
        """People of the trial; 0: there is none, for it was not asked for, or would be all."""
        size = max(-(-self.ready * self.canary_percent // 100), CANARY_LEAST)
        return size if self.canary_percent and size < self.ready else 0


CANARY_LEAST = 10


class CampaignRow(models.Model):
    """One person of the audience, in the order of sending. What became of the message is its
    message's to say."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField()
    """In the file as a spreadsheet shows it, in NDJSON the line; else counted from 1."""
    recipient = models.ForeignKey(Recipient, models.PROTECT, null=True, db_index=False)
    """None: the row names nobody whom the account knows."""
    data = models.JSONField(default=dict)
    problem = models.CharField(max_length=40, blank=True)
    """Why it is not sent: the code of the first fault."""
    message_id = models.UUIDField(null=True)
    """No foreign key: messages may be deleted earlier."""

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "problem", "id"], name="campaign_row_order"),
            models.Index(fields=["recipient"], name="campaign_row_person"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "recipient"],
                condition=Q(problem=""),
                name="campaign_person_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}:{self.number}"
