"""Many messages of one request, of any templates: each row has its own result and its own key."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from notifier.intake import caps
from notifier.intake.accept import Origin, SendRequest, changing
from notifier.intake.allowed import sendable_or_reject
from notifier.intake.bulk import Batch, Draft, accept_many
from notifier.intake.errors import Fault, Rejected
from notifier.intake.idempotency import earlier_messages
from notifier.models import Priority
from notifier.recipients.directory import resolve_many

REUSED = Fault(
    "/idempotency_key",
    "idempotency_key_reused",
    gettext_noop("The key belongs to another message. Use a new key for a new message."),
)


@dataclass(frozen=True, slots=True)
class Row:
    """`digest`: of everything that the row asks for."""

    request: SendRequest
    key: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Result:
    """The message's id, or the faults."""

    id: UUID | None = None
    replayed: bool = False
    faults: tuple[Fault, ...] = ()


class Refused(Exception):
    """All or nothing, and not all could be accepted: nothing was stored. `results`: of all rows."""

    def __init__(self, results: Sequence[Result]) -> None:
        super().__init__()
        self.results = results


def accept_batch(origin: Origin, rows: Sequence[Row], all_or_nothing: bool = False) -> list[Result]:
    """In the order of the rows; they have one origin. Raises Refused or Changing; then nothing is
    stored.

    A row whose key was used before gets the first answer, even if it could not be accepted today.
    """
    results = _earlier(origin, enumerate(rows))
    first: dict[str, int] = {}
    repeats: dict[int, int] = {}
    fresh: dict[int, Row] = {}
    for place, row in enumerate(rows):
        if place in results:
            continue
        if row.key is not None and first.setdefault(row.key, place) != place:
            repeats[place] = first[row.key]
        else:
            fresh[place] = row
    batches: list[Batch] = []
    try:
        with transaction.atomic():
            results |= _accepted(origin, fresh, batches)
            # Another request with the same keys may have been faster.
            refused = [(place, row) for place, row in fresh.items() if results[place].faults]
            results |= _earlier(origin, refused)
            for place, original in repeats.items():
                results[place] = _repeated(rows[place], rows[original], results[original])
            ordered = [results[place] for place in range(len(rows))]
            if all_or_nothing and any(one.faults for one in ordered):
                raise Refused(ordered)
    except BaseException as error:
        for batch in batches:
            caps.take_back(batch.marks)
        if isinstance(error, IntegrityError):  # a client, say, that is gone
            raise changing() from None
        raise
    return ordered


def _earlier(origin: Origin, rows: Iterable[tuple[int, Row]]) -> dict[int, Result]:
    """Of the rows whose key has made a message."""
    rows = list(rows)
    found = earlier_messages(origin.client, [row.key for _place, row in rows if row.key])
    return {place: _replay(row, *found[row.key]) for place, row in rows if row.key in found}


def _replay(row: Row, pk: UUID, digest: str) -> Result:
    return Result(pk, replayed=True) if digest == row.digest else Result(faults=(REUSED,))


def _repeated(row: Row, original: Row, result: Result) -> Result:
    """A key that stands in the request twice."""
    if row.digest != original.digest:
        return Result(faults=(REUSED,))
    return Result(result.id, replayed=result.id is not None, faults=result.faults)


def _accepted(origin: Origin, rows: Mapping[int, Row], batches: list[Batch]) -> dict[int, Result]:
    groups: dict[tuple[str, Priority], list[int]] = defaultdict(list)
    for place, row in rows.items():
        groups[row.request.template, row.request.priority].append(place)
    found: dict[int, Result] = {}
    wanted: list[tuple[Batch, list[int], list[Draft]]] = []
    now = timezone.now()
    for (code, priority), places in sorted(groups.items()):
        try:
            template = sendable_or_reject(code, priority, origin.allowance)
        except Rejected as rejected:
            found |= {place: Result(faults=rejected.faults) for place in places}
            continue
        batch = Batch(template, origin, now, priority)
        batches.append(batch)
        addresses = [rows[place].request.to for place in places]
        people = resolve_many(template.account_id, addresses)
        drafts = [
            _draft(origin, rows[place], person, now)
            for place, person in zip(places, people, strict=True)
        ]
        wanted.append((batch, places, drafts))
    _lock_people(wanted)
    for batch, places, drafts in wanted:
        for place, outcome in zip(places, accept_many(batch, drafts), strict=True):
            is_stored = isinstance(outcome, UUID)
            found[place] = Result(outcome) if is_stored else Result(faults=outcome)  # type: ignore[arg-type]
    return found


def _lock_people(wanted: Iterable[tuple[Batch, list[int], list[Draft]]]) -> None:
    """Of all capped templates at once: of two requests that lock them template by template, each
    can hold whom the other needs next."""
    capped = [drafts for batch, _places, drafts in wanted if batch.template.daily_cap]
    caps.lock_people({one.person for drafts in capped for one in drafts if one.person})


def _draft(origin: Origin, row: Row, person: int | None, now: datetime) -> Draft:
    request = row.request
    return Draft(
        person,
        request.data,
        *request.times(now),
        name=origin.name_of(row.key),
        metadata=request.metadata,
        url=request.url,
        miniprogram=request.miniprogram,
        idempotency_key=row.key,
        digest=row.digest,
    )
