"""Imports of recipients: the file, what its dry run found, and how far it has been applied."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifier.models.tasks import ClaimedTask
from templates_app.models import OfficialAccount


class ImportState(models.TextChoices):
    """Each state says who acts next."""

    CHECKING = "checking", _("being checked")
    """The dry run: the file is read, nothing is changed. Next: the background worker."""
    CHECKED = "checked", _("checked")
    """Its figures are on the page. Next: the operator, who confirms or discards."""
    APPLYING = "applying", _("being imported")
    """Confirmed; goes on from chunk to chunk until it is done. Next: the background worker."""
    DONE = "done", _("imported")
    UNREADABLE = "unreadable", _("cannot be read")
    """Nothing was imported; `error` says why."""
    STOPPED = "stopped", _("stopped")
    """It failed again and again at the same place. Next: the operator, who lets it go on."""
    DISCARDED = "discarded", _("discarded")


AT_WORK = (ImportState.CHECKING, ImportState.APPLYING)


class RecipientImport(ClaimedTask):
    """One uploaded file. The file itself lies in HONGYAN_HOME, and is deleted after a time."""

    account = models.ForeignKey(
        OfficialAccount, models.PROTECT, related_name="imports", verbose_name=_("account")
    )
    file_name = models.CharField(_("file"), max_length=200)
    requested_by = models.CharField(_("uploaded by"), max_length=150)
    language = models.CharField(max_length=10)
    """In which the file of rows with errors gives its reasons."""
    created_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    confirmed_by = models.CharField(_("confirmed by"), max_length=150, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    state = models.CharField(
        _("state"), max_length=12, choices=ImportState.choices, default=ImportState.CHECKING
    )
    percent = models.PositiveSmallIntegerField(_("progress"), default=0)

    rows = models.PositiveIntegerField(_("rows"), default=0)
    new = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    wrong = models.PositiveIntegerField(_("rows with errors"), default=0)
    """What the dry run found; after DONE, what was really done: the rows may have moved between."""
    problems = models.JSONField(default=list)
    """The first ones: [row, column, text, params] each; the text is an English msgid."""
    ignored_columns = models.JSONField(default=list)
    new_groups = models.JSONField(default=list)
    error = models.JSONField(default=list)
    """[text, params] of what concerns the whole file."""

    staged_bytes = models.PositiveBigIntegerField(default=0)
    """Size of the staged rows: those without errors, as they will be stored."""
    applied_bytes = models.PositiveBigIntegerField(default=0)
    """Where the next chunk begins; moves in the transaction that stores the chunk."""
    has_files = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("import of recipients")
        verbose_name_plural = _("imports of recipients")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["lease_until"],
                condition=Q(state__in=["checking", "applying"]),
                name="import_at_work",
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_at_work(self) -> bool:
        return self.state in AT_WORK

    @property
    def good(self) -> int:
        """Rows that confirming would import."""
        return self.rows - self.wrong

    def error_params(self) -> Any:
        return self.error[1] if len(self.error) > 1 else {}
