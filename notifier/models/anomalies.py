"""What is unusual about an account or a template, the measures it is judged by, and silences."""

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from templates_app.models import MessageTemplate, OfficialAccount


class Measure(models.TextChoices):
    FAILURE = "failure", _("failures")
    LATENCY = "latency", _("send time")
    REFUSAL = "refusal", _("refusals by followers")
    UNDELIVERED = "undelivered", _("not delivered by WeChat")
    RECEIPT_LAG = "receipt_lag", _("receipt lag")
    MISSING = "missing", _("missing receipts")
    QUOTA = "quota", _("quota ends early")
    QUEUE = "queue", _("queue does not shrink")


class Basis(models.TextChoices):
    """What the usual value is the median of."""

    WEEK = "week", _("the same time of the week")
    DAY = "day", _("the same time of the day")
    HOURS = "hours", _("the last hours")
    NONE = "", ""


class MeasuredWindow(models.Model):
    """What happened to an account's messages from `begins` on, for a window; `template_id` 0: to
    all of them. Tests are not among them. Of account 0 a row says that the window was measured.

    Of more messages than are looked at, an even sample (`is_sample`): shares and times are right,
    counts are the sample's. What depends on receipts (`sent` and after it) is written a window
    later.
    """

    account_id = models.BigIntegerField()
    template_id = models.BigIntegerField(default=0)
    begins = models.DateTimeField()
    is_sample = models.BooleanField(default=False)

    tried = models.PositiveIntegerField(default=0)
    """Attempts, and messages that were given up without one; a used up quota is none."""
    failed = models.PositiveIntegerField(default=0)
    """Of `tried`, those that people did not refuse."""
    refused = models.PositiveIntegerField(default=0)
    """Of `tried`, by the person, at once: 43101, 43004, …"""
    errcodes = models.JSONField(default=dict)
    """The most frequent of WeChat's errcodes, each with its count."""
    timed = models.PositiveIntegerField(default=0)
    median_ms = models.PositiveIntegerField(null=True)
    p95_ms = models.PositiveIntegerField(null=True)

    sent = models.PositiveIntegerField(default=0)
    blocked = models.PositiveIntegerField(default=0)
    """Receipts that say: refused by the person."""
    undelivered = models.PositiveIntegerField(default=0)
    """Other receipts that say no."""
    missing = models.PositiveIntegerField(default=0)
    """No receipt a window later."""
    lag_ms = models.PositiveIntegerField(null=True)
    """The median of those that came."""

    waiting = models.PositiveIntegerField(null=True)
    """Due messages of the account at the window's end."""
    waiting_seconds = models.PositiveIntegerField(null=True)
    """How long the first of them was due."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["begins", "account_id", "template_id"], name="measured_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.template_id} {self.begins:%m-%d %H:%M}"


class AnomalyState(models.TextChoices):
    PENDING = "pending", _("suspected")
    """One window was unusual: nobody is shown it."""
    OPEN = "open", _("open")
    ENDED = "ended", _("has ended")


LIVE = ("pending", "open")


class Ending(models.TextChoices):
    """Why it is no longer open."""

    USUAL = "usual", _("It is as usual again.")
    NOT_JUDGED = "not_judged", _("It can no longer be judged: nobody knows whether it is over.")
    TAKEN_IN = "taken_in", _("It goes on as a part of the account's.")


class Anomaly(models.Model):
    """Something is not as it usually is. Without a template it is the account's, and `templates`
    names those in which it shows."""

    account = models.ForeignKey(
        OfficialAccount, models.CASCADE, db_index=False, verbose_name=_("account")
    )
    template = models.ForeignKey(
        MessageTemplate,
        models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        verbose_name=_("template"),
    )
    measure = models.CharField(_("what"), max_length=12, choices=Measure.choices)
    state = models.CharField(
        _("state"), max_length=8, choices=AnomalyState.choices, default=AnomalyState.PENDING
    )
    templates = models.JSONField(default=list)
    """Ids, of an account's."""
    part_of = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="parts"
    )
    """The account's, which goes on in place of this one."""

    begun_at = models.DateTimeField(_("began"))
    seen_at = models.DateTimeField(_("last seen"))
    """The end of the last unusual window."""
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ended_because = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    bad_in_a_row = models.PositiveIntegerField(default=0)
    good_in_a_row = models.PositiveIntegerField(default=0)
    unjudged_in_a_row = models.PositiveIntegerField(default=0)

    value = models.FloatField(_("value"))
    """A share from 0 to 1, milliseconds, or as `facts` says; of the last unusual window."""
    worst = models.FloatField(_("worst"))
    usual = models.FloatField(_("usual"), null=True)
    limit = models.FloatField(_("limit"), null=True)
    count = models.PositiveIntegerField(_("messages"), default=0)
    basis = models.CharField(max_length=5, choices=Basis.choices, blank=True)
    points = models.PositiveSmallIntegerField(default=0)
    """So many values `usual` is the median of."""
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    """Errcodes; of a forecast its numbers (`notifier/anomalies/forecast.py`)."""

    is_silenced = models.BooleanField(_("silenced"), default=False)
    told_at = models.DateTimeField(_("people were told"), null=True, blank=True)
    told_of = models.JSONField(default=list)
    """`templates` as they were then: who heard of these hears of its end, whatever joined later."""
    mail_due = models.DateTimeField(null=True)
    """An e-mail about how it stands is owed; while somebody sends it: until when it is theirs."""
    mail_tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("anomaly")
        verbose_name_plural = _("anomalies")
        ordering = ["-id"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["account", "measure", "template"],
                condition=Q(state__in=LIVE, template__isnull=False),
                name="anomaly_of_template_once",
            ),
            models.UniqueConstraint(
                fields=["account", "measure"],
                condition=Q(state__in=LIVE, template__isnull=True),
                name="anomaly_of_account_once",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="anomaly_account"),
            models.Index(fields=["template"], name="anomaly_template"),
            models.Index(fields=["state", "ended_at"], name="anomaly_state"),
            models.Index(
                fields=["mail_due"], condition=Q(mail_due__isnull=False), name="anomaly_mail"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template or self.account} · {self.get_measure_display()}"

    @property
    def concerned(self) -> list[int]:
        """The templates' ids; empty: it is not known of which."""
        return [self.template_id] if self.template_id else list(self.templates)


class Silence(models.Model):
    """While it lasts, what fits it is recorded and shown, but nobody is told. What is left empty
    fits everything."""

    account = models.ForeignKey(
        OfficialAccount,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("account"),
        help_text=_("Empty: all accounts."),
    )
    template = models.ForeignKey(
        MessageTemplate,
        models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("template"),
        help_text=_("Empty: all of them, and what is about the whole account."),
    )
    measure = models.CharField(
        _("what"),
        max_length=12,
        choices=Measure.choices,
        blank=True,
        help_text=_("Empty: whatever is unusual."),
    )
    until = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=200)
    created_by = models.CharField(_("by"), max_length=150, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("silence")
        verbose_name_plural = _("silences")
        ordering = ["-until", "-id"]

    def __str__(self) -> str:
        of = self.template or self.account or "*"
        return f"{of} · {self.get_measure_display() if self.measure else '*'}"

    def clean(self) -> None:
        if self.template and self.account and self.template.account_id != self.account_id:
            raise ValidationError({"template": _("This template is of another account.")})

    def fits(self, anomaly: Anomaly) -> bool:
        return (
            self.account_id in (None, anomaly.account_id)
            and (self.template_id is None or anomaly.concerned == [self.template_id])
            and self.measure in ("", anomaly.measure)
        )
