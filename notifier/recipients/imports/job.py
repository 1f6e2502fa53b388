"""The RQ job of an import, and the clock's part: what a dead worker left is taken up again."""

import logging
import traceback
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, IntegrityError, close_old_connections
from django.utils import timezone
from django.utils.translation import gettext_noop

from notifier.dispatch.lanes import Wake, clear, wake_job
from notifier.models import ImportState, RecipientImport
from notifier.models.imports import AT_WORK
from notifier.recipients.claims import ATTEMPTS, Claim, Lost, Stopping
from notifier.recipients.imports.applying import apply
from notifier.recipients.imports.checking import check
from notifier.recipients.imports.files import files
from notifier.recipients.imports.problems import Unreadable

SOON = timedelta(seconds=15)
"""When a worker that listens takes it; later, none does."""
log = logging.getLogger(__name__)

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
    try:
        claim = Claim(RecipientImport, import_id, AT_WORK)
    except Lost:
        return
    if claim.row.attempts > ATTEMPTS:  # whoever worked on it died, each time
        return _end(claim, ImportState.STOPPED, BROKEN, {"times": ATTEMPTS, "what": "-"})
    try:
        (check if claim.row.state == ImportState.CHECKING else apply)(claim)
    except (Lost, Stopping):
        claim.release()
    except Unreadable as error:
        _end(claim, ImportState.UNREADABLE, error.text, error.params)
    except FileNotFoundError:
        _end(claim, ImportState.UNREADABLE, GONE, {})
    except IntegrityError as error:
        _failed(claim, error)
    except DatabaseError:
        raise  # it is away: after the lease another one goes on
    except Exception as error:
        _failed(claim, error)


def _failed(claim: Claim[RecipientImport], error: Exception) -> None:
    where = traceback.extract_tb(error.__traceback__)[-1]
    # Not the exception's text: it may quote a row of the file.
    name = f"{type(error).__name__}, {where.name}:{where.lineno}"
    log.error("import %d failed (%s)", claim.row.pk, name)
    if claim.row.attempts >= ATTEMPTS:
        params = {"times": ATTEMPTS, "what": type(error).__name__}
        _end(claim, ImportState.STOPPED, BROKEN, params)


def _end(claim: Claim[RecipientImport], state: ImportState, text: str, params: object) -> None:
    try:
        claim.keep(state=state, error=[text, params], finished_at=timezone.now())
    except Lost:
        return


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
