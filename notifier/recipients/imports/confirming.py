"""What somebody decides about an import: it goes on, or it is thrown away."""

from django.utils import timezone

from notifier.models import ImportState, RecipientImport
from notifier.recipients.imports.files import files


def confirm(row: RecipientImport, by: str) -> bool:
    """Of a checked one, and of one that stopped: it goes on where it was. False: it is neither. The
    caller wakes a worker, or works."""
    waits = RecipientImport.objects.filter(pk=row.pk)
    begun = waits.filter(state=ImportState.CHECKED).update(
        state=ImportState.APPLYING,
        confirmed_by=by,
        percent=0,
        new=0,
        changed=0,
        unchanged=0,
        attempts=0,
        lease_until=None,
    )
    to = ImportState.APPLYING if row.confirmed_by else ImportState.CHECKING
    begun = begun or waits.filter(state=ImportState.STOPPED).update(
        state=to, error=[], finished_at=None, attempts=0, lease_until=None
    )
    row.refresh_from_db()
    return bool(begun)


def discard(row: RecipientImport) -> bool:
    """Nothing is imported, and the file is gone."""
    waits = RecipientImport.objects.filter(pk=row.pk, confirmed_by="")
    done = waits.exclude(state=ImportState.DISCARDED).update(
        state=ImportState.DISCARDED, finished_at=timezone.now(), has_files=False
    )
    if done:
        files.delete(row.pk)
    return bool(done)
