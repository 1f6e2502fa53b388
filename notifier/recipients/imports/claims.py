"""One worker at a time works on an import; what it has done is kept with every chunk.

The row is fenced: a worker that was stopped and comes back after its lease keeps nothing.
"""

import uuid
from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from notifier.dispatch.sender import sender
from notifier.models import RecipientImport
from notifier.models.imports import AT_WORK

LEASE = timedelta(seconds=60)
ATTEMPTS = 5


class Lost(Exception):
    """Another worker has it, or somebody discarded it: this one stops, and nothing is kept."""


class Stopping(Exception):
    """The worker was asked to stop; another one goes on."""


class Claim:
    def __init__(self, import_id: int) -> None:
        self.me = str(uuid.uuid4())
        self._mine = RecipientImport.objects.filter(
            pk=import_id, claimed_by=self.me, state__in=AT_WORK
        )
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        taken = RecipientImport.objects.filter(free, pk=import_id, state__in=AT_WORK).update(
            claimed_by=self.me, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
        if not taken:
            raise Lost
        self.row = RecipientImport.objects.get(pk=import_id)

    def keep(self, **values: Any) -> None:
        """Raises Lost, and then the transaction around it must not be committed."""
        if not self._mine.update(lease_until=timezone.now() + LEASE, **values):
            raise Lost
        for name, value in values.items():
            setattr(self.row, name, value)

    def go_on(self) -> None:
        """Between two chunks."""
        if sender().stopping.is_set():
            raise Stopping

    def release(self) -> None:
        """To be taken by anybody at once; that is no failed attempt."""
        self._mine.update(lease_until=None, attempts=0)
