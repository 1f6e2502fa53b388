"""Passes over WeChat's follower list: how far one is, and whom it has seen."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifier.models.tasks import ClaimedTask
from templates_app.models import OfficialAccount


class SyncState(models.TextChoices):
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class SyncPhase(models.TextChoices):
    """In this order; each goes on where it was."""

    FOLLOWERS = "followers", _("reading the follower list")
    LEAVERS = "leavers", _("marking who has left")
    DETAILS = "details", _("asking for details")
    TAGS = "tags", _("reading the tags")


class FollowerSync(ClaimedTask):
    """One pass over an account's followers. `cursor` is WeChat's next_openid, of the follower list
    or of the tag that is being read."""

    account = models.ForeignKey(
        OfficialAccount, models.CASCADE, related_name="syncs", verbose_name=_("account")
    )
    requested_by = models.CharField(_("started by"), max_length=150, blank=True)
    """Empty: the clock."""
    created_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    state = models.CharField(
        _("state"), max_length=8, choices=SyncState.choices, default=SyncState.RUNNING
    )
    phase = models.CharField(
        _("step"), max_length=10, choices=SyncPhase.choices, default=SyncPhase.FOLLOWERS
    )
    cursor = models.CharField(max_length=64, blank=True)
    tag_id = models.IntegerField(null=True)
    """WeChat's id of the tag whose members are being read."""
    total = models.PositiveIntegerField(_("followers at WeChat"), default=0)
    seen = models.PositiveIntegerField(_("read"), default=0)
    new = models.PositiveIntegerField(_("new"), default=0)
    returned = models.PositiveIntegerField(_("follow again"), default=0)
    left = models.PositiveIntegerField(_("no longer follow"), default=0)
    detailed = models.PositiveIntegerField(_("details read"), default=0)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("follower sync")
        verbose_name_plural = _("follower syncs")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(state="running"), name="sync_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def percent(self) -> int:
        return min(self.seen * 100 // self.total, 100) if self.total else 0


class SeenFollower(models.Model):
    """In the list of a pass that is not complete yet; gone with its end."""

    sync = models.ForeignKey(FollowerSync, models.CASCADE, db_index=False)
    tag_id = models.IntegerField(default=0)
    """0: the follower list itself; else WeChat's id of the tag whose members are read."""
    openid = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sync", "tag_id", "openid"], name="seen_once")
        ]

    def __str__(self) -> str:
        return str(self.pk)
