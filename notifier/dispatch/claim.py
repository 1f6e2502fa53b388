"""Claiming: due rows of a lane become this worker's until the lease runs out."""

import itertools
import os
import secrets
import socket
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan

from notifier import metrics
from notifier.dispatch import sql
from notifier.dispatch.lanes import Lane
from notifier.dispatch.moves import move
from notifier.dispatch.retry import guard_is_over
from notifier.models import CampaignState, FallbackCause, Message, Reason, State
from notifier.models.campaigns import NEVER
from notifier.models.fallbacks import begin_fallbacks
from notifier.models.sandbox import SANDBOX
from notifier.tracing import NONE, Context

_claims = itertools.count(1)
_process = f"{socket.gethostname()[:24]}:{os.getpid()}:{secrets.token_hex(4)}"
"""A container that is started again has the same name and pid as the one that died."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a sender thread needs; no model, so that it can touch no database."""

    id: uuid.UUID
    body: bytes
    fence: str
    """Names this one claim. A later claim of the row has another, and then our result is void."""
    lease_until: datetime
    attempt: int
    expires_at: datetime
    in_doubt_since: datetime | None
    """As it was BEFORE this claim."""
    lane: Lane
    recipient_id: int
    template_id: int
    template_is_held: bool
    due_at: datetime
    """Before the first attempt: when the message was to be sent."""
    is_test: bool
    """It is in no figure."""
    openid: str
    claimed_at: float
    """Unix seconds."""
    trace: Context = NONE
    is_kept: bool = False
    """Its trace: asked here, where all of it is at hand; later the answer alone is read."""
    is_probe: bool = False
    """It took nothing from the account's pace and quota."""

    @property
    def log_fields(self) -> dict[str, str]:
        """Of a line about this message."""
        return {"message_id": self.id.hex, "trace_id": self.trace.trace_id}


Place = tuple[datetime, uuid.UUID]
"""In the order of a lane: due_at, id."""


@dataclass(frozen=True, slots=True)
class Claim:
    rows: list[Claimed]
    is_full: bool
    """Its limit was reached, with rows whose time was over: more may be due."""
    last: Place | None = None
    """Of the row that was looked at last."""


_COLUMNS = (
    "id",
    "payload",
    "attempts",
    "expires_at",
    "in_doubt_since",
    "recipient_id",
    "version__template_id",
    "version__template__held_since",
    "due_at",
    "is_test",
    "openid",
    "traceparent",
    "baggage",
    "campaign__state",
)


def claim(
    lane: Lane, limit: int, now: datetime, is_probe: bool = False, after: Place | None = None
) -> Claim:
    """Up to `limit` due rows, the oldest first, for this process alone. A probe rather repeats a
    message that is in doubt already than brings another one into doubt.

    `after`: only rows behind this place. The entries of rows that were claimed stay in
    PostgreSQL's index until a vacuum; of a million, each claim would walk over all of them.

    Rows whose time ran out, or whose guard against doubles did, are settled as such here.
    """
    due = Message.objects.filter(
        account_id=lane.account_id, priority=lane.priority, state=State.QUEUED, due_at__lte=now
    ).order_by("due_at", "id")
    if is_probe:
        due = _probes(due)
    elif after:
        due = due.filter(TupleGreaterThan(Tuple(F("due_at"), F("id")), after))
    lease_until = now + timedelta(seconds=settings.DISPATCH_LEASE_SECONDS)
    fence = f"{_process}:{next(_claims)}"
    with transaction.atomic():
        # While its statistics are of a quiet hour PostgreSQL takes the rows of a lane for a
        # handful, and would read and sort a whole campaign for each two hundred.
        sql.avoid("sort")
        rows = list(
            due.select_for_update(skip_locked=True, of=("self",)).values_list(*_COLUMNS)[:limit]
        )
        over = {row[0]: State.EXPIRED for row in rows if row[3] <= now and row[4] is None}
        over |= {row[0]: State.UNKNOWN for row in rows if _too_late(row[3], row[4], now)}
        for state in (State.EXPIRED, State.UNKNOWN):
            _end({row[0]: row[2] for row in rows if over.get(row[0]) is state}, state, now)
        stopped = {row[0] for row in rows if row[0] not in over and _is_stopped(row[-1], row[4])}
        Message.objects.filter(pk__in=stopped).update(**PARKED)
        taken = [row for row in rows if row[0] not in over and row[0] not in stopped]
        sql.take([row[0] for row in taken], fence, lease_until, now)
    metrics.later.note(metrics.claim_size, (), len(taken))
    at = now.timestamp()
    claimed = [_claimed(row, fence, lease_until, lane, at, is_probe) for row in taken]
    last = (rows[-1][8], rows[-1][0]) if rows else None
    return Claim(claimed, is_full=len(rows) == limit, last=last)


def _probes(due: QuerySet[Message]) -> QuerySet[Message]:
    """Of a held template none: it would be handed back, and WeChat would not be asked; as little
    as of the sandbox."""
    free = due.filter(version__template__held_since=None).exclude(openid__in=SANDBOX)
    doubtful = free.exclude(in_doubt_since=None)
    return doubtful if doubtful.exists() else free


def _claimed(
    row: tuple[Any, ...], fence: str, lease_until: datetime, lane: Lane, at: float, is_probe: bool
) -> Claimed:
    """Of a row as _COLUMNS names it."""
    pk, payload, attempts, expires_at, doubt, person, template, held_since, *rest = row
    due_at, is_test, openid, traceparent, baggage, _campaign = rest
    trace = Context(traceparent, baggage) if traceparent else NONE
    return Claimed(
        pk,
        payload.encode(),
        fence,
        lease_until,
        attempts + 1,
        expires_at,
        doubt,
        lane,
        person,
        template,
        held_since is not None,
        due_at,
        is_test,
        openid,
        at,
        trace,
        trace.is_kept,
        is_probe,
    )


PARKED = {"reason": Reason.PAUSED, "due_at": NEVER, "expires_at": NEVER}


def _is_stopped(campaign: str | None, in_doubt_since: datetime | None) -> bool:
    """Handed back since its campaign was paused or cancelled. What WeChat may have got already is
    repeated during a pause, else nobody would ever know."""
    if campaign == CampaignState.PAUSED:
        return in_doubt_since is None
    return campaign == CampaignState.CANCELLED


def _too_late(expires_at: datetime, in_doubt_since: datetime | None, now: datetime) -> bool:
    """A message that may have been delivered already and must not be tried again."""
    if in_doubt_since is None:
        return False
    return expires_at <= now or guard_is_over(in_doubt_since, now)


def _end(attempts: dict[uuid.UUID, int], state: State, now: datetime) -> None:
    move(attempts, state, now)
    if state is State.EXPIRED:
        begin_fallbacks(attempts, FallbackCause.EXPIRY, now)
