"""One worker at a time works on a long task; what it has done is kept with every chunk.

The task is a row with `state`, `claimed_by`, `lease_until` and `attempts`. It is fenced: a worker
that was stopped and comes back after its lease keeps nothing.
"""

import logging
import traceback
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Generic, TypeVar

from django.db.models import F, Q
from django.utils import timezone

from notifier.dispatch.sender import sender
from notifier.models.away import AWAY
from notifier.models.tasks import ClaimedTask

log = logging.getLogger(__name__)

Task = TypeVar("Task", bound=ClaimedTask)
LEASE = timedelta(seconds=60)
ATTEMPTS = 5


class Lost(Exception):
    """Another worker has it, or somebody ended it: this one stops, and nothing is kept."""


class Stopping(Exception):
    """The worker was asked to stop; another one goes on."""


class Claim(Generic[Task]):
    """`at_work`: the states in which the task is anybody's to take. Raises Lost."""

    def __init__(self, model: type[Task], pk: int, at_work: Collection[str]) -> None:
        me = str(uuid.uuid4())
        rows = model._default_manager.filter(pk=pk, state__in=at_work)
        self._mine = rows.filter(claimed_by=me)
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lt=now)
        taken = rows.filter(free).update(
            claimed_by=me, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
        if not taken:
            raise Lost
        self.row = model._default_manager.get(pk=pk)

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


Told = tuple[str, Mapping[str, object]]
"""An English msgid for whoever asked for the task, and its parameters."""


def attempt(
    claim: Claim[Task],
    work: Callable[[Claim[Task]], None],
    fault_of: Callable[[Exception], Told | None],
    give_up: Callable[[Claim[Task], Told, bool], None],
    broken: str,
) -> None:
    """Works on the task once. What is wrong with the task itself (`fault_of`) ends it; whatever
    else fails is tried again, so many times. `give_up(claim, why, is_broken)`; `broken`: the text
    of the latter, with %(times)d and %(what)s."""
    with suppress(Lost):
        if claim.row.attempts > ATTEMPTS:  # whoever worked on it died, each time
            give_up(claim, (broken, {"times": ATTEMPTS, "what": "-"}), True)
            return
        try:
            work(claim)
        except (Lost, Stopping):
            claim.release()
        except AWAY:
            raise  # the database: after the lease another one goes on
        except Exception as error:
            if told := fault_of(error):
                give_up(claim, told, False)
            elif _has_failed_for_good(claim, error):
                what = {"times": ATTEMPTS, "what": type(error).__name__}
                give_up(claim, (broken, what), True)


def _has_failed_for_good(claim: Claim[Task], error: Exception) -> bool:
    where = traceback.extract_tb(error.__traceback__)[-1]
    # Not the exception's text: it may quote a row of a file.
    name = f"{type(error).__name__}, {where.name}:{where.lineno}"
    log.error("%s %s failed (%s)", claim.row._meta.verbose_name_raw, claim.row.pk, name)
    return claim.row.attempts >= ATTEMPTS
