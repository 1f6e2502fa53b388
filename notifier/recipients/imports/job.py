"""The RQ job of an import, and the clock's part: what a dead worker left is taken up again."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from django.utils.translation import gettext_noop

from notifier.dispatch.lanes import Wake, clear, wake_job
from notifier.models import ImportState, RecipientImport
from notifier.models.imports import AT_WORK
from notifier.recipients.claims import Claim, Lost, Told, attempt
from notifier.recipients.imports.applying import apply
from notifier.recipients.imports.checking import check
from notifier.recipients.imports.files import files
from notifier.recipients.imports.problems import Unreadable

SOON = timedelta(seconds=15)
"""When a worker that listens takes it; later, none does."""

GONE = gettext_noop(
    "The file is no longer there. Web and background worker must share HONGYAN_HOME; upload it "
    "again."
)
BROKEN = gettext_noop("It was tried %(times)d times and failed: %(what)s.")


def wake(import_id: int) -> None:
    """After the commit. Raises nothing: the clock wakes, too."""
    name = "notifier.recipients.imports.job.run"
    wake_job(Wake(_flag(import_id), settings.BACKGROUND_QUEUE, name, (import_id,)))


def _flag(import_id: int) -> str:
    return f"hongyan:wake:import:{import_id}"


def run(import_id: int) -> None:
    close_old_connections()
    clear(_flag(import_id))
    with suppress(Lost):
        claim = Claim(RecipientImport, import_id, AT_WORK)
        attempt(claim, _work, _fault_of, _give_up, BROKEN)


def _work(claim: Claim[RecipientImport]) -> None:
    (check if claim.row.state == ImportState.CHECKING else apply)(claim)


def _fault_of(error: Exception) -> Told | None:
    if isinstance(error, Unreadable):
        return error.text, error.params
    return (GONE, {}) if isinstance(error, FileNotFoundError) else None


def _give_up(claim: Claim[RecipientImport], why: Told, is_broken: bool) -> None:
    state = ImportState.STOPPED if is_broken else ImportState.UNREADABLE
    claim.keep(state=state, error=list(why), finished_at=timezone.now())


def tick(now: datetime) -> None:
    """From the clock, every second."""
    at_work = RecipientImport.objects.filter(state__in=AT_WORK)
    for pk in at_work.exclude(lease_until__gt=now).values_list("pk", flat=True):
        wake(pk)
    _forget(now)


def _forget(now: datetime) -> None:
    """Personal data in files does not stay for ever."""
    old = now - timedelta(days=settings.IMPORT_KEEP_DAYS)
    due = RecipientImport.objects.filter(has_files=True, created_at__lt=old)
    for pk in due.exclude(state__in=AT_WORK).values_list("pk", flat=True):
        files.delete(pk)
        RecipientImport.objects.filter(pk=pk).update(has_files=False)
        RecipientImport.objects.filter(pk=pk, state=ImportState.CHECKED).update(
            state=ImportState.DISCARDED
        )
