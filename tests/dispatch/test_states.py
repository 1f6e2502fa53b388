"""MOVES, the one table of allowed changes, against what everybody who moves rows really does."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notifier.dispatch.claim import Claimed, claim
from notifier.dispatch.recovery import return_expired_leases
from notifier.dispatch.repair import cancel, retry
from notifier.dispatch.retry import GUARD
from notifier.dispatch.settle import settle
from notifier.models import MOVES, Message, Push, State
from notifier.receipts.delivery import settle_receipts
from notifier.wechat.errors import Kind
from tests import builders
from tests.dispatch.conftest import answered, lane_of

FENCE = "worker"
LONG_AGO = timedelta(days=2)
Mover = Callable[[Message, datetime], object]


def claims(message: Message, now: datetime) -> object:
    return claim(lane_of(message), 10, now).rows


def claims_in_doubt(message: Message, now: datetime) -> object:
    return claims(builders.set_message(message, in_doubt_since=now - GUARD), now)


def recovers(message: Message, now: datetime) -> object:
    return return_expired_leases(now)


def recovers_in_doubt(message: Message, now: datetime) -> object:
    return recovers(builders.set_message(message, in_doubt_since=now - GUARD), now)


def settles(kind: Kind | None, doubt: timedelta | None = None, expired: bool = False) -> Mover:
    def move(message: Message, now: datetime) -> object:
        claimed = Claimed(
            id=message.id,
            body=b"",
            fence=FENCE,
            lease_until=now,
            attempt=1,
            expires_at=now if expired else message.expires_at,
            in_doubt_since=None if doubt is None else now - doubt,
            lane=lane_of(message),
            recipient_id=message.recipient_id,
            template_id=message.version.template_id,
            template_is_held=False,
            due_at=message.due_at,
            is_test=False,
            openid=message.openid,
            claimed_at=now.timestamp(),
        )
        return settle([answered(claimed, kind)], now)

    return move


def receives(status: str) -> Mover:
    def move(message: Message, now: datetime) -> None:
        push = Push(account_id=message.account_id, openid=message.openid, msgid="77", status=status)
        push.happened_at = push.received_at = push.due_at = now
        with transaction.atomic():
            settle_receipts([push], now)

    return move


MOVERS: dict[str, Mover] = {
    "claim": claims,
    "claim when expired": lambda message, now: claims(message, now + LONG_AGO),
    "claim in doubt": claims_in_doubt,
    "recovery": recovers,
    "recovery in doubt": recovers_in_doubt,
    "receipt of success": receives("success"),
    "receipt of a failure": receives("failed:user block"),
    "settle untried": settles(None),
    "settle when expired": settles(Kind.RETRY, expired=True),
    "settle in doubt": settles(Kind.AMBIGUOUS, doubt=GUARD),
    "cancel": lambda message, now: cancel([message.pk], "ann", now),
    "cancel in doubt": lambda message, now: cancel(
        [builders.set_message(message, in_doubt_since=now).pk], "ann", now
    ),
    "retry": lambda message, now: retry([message.pk], "ann", now, with_risk=True),
    **{f"settle {kind}": settles(kind) for kind in Kind},
}


def moves_from(message: Message, state: State) -> dict[str, tuple[State, State]]:
    now = timezone.now()
    row = {
        "state": state,
        "msgid": "77",
        "claimed_by": FENCE,
        "lease_until": now,
        "in_doubt_since": None,
        "sent_at": now,
        "due_at": now,
    }
    made = {}
    for name, mover in MOVERS.items():
        builders.set_message(message, **row)
        mover(message, now)
        message.refresh_from_db()
        made[name] = (state, State(message.state))
    return made


@pytest.mark.parametrize("state", State)
def test_nobody_makes_a_move_that_is_not_allowed(message, state):
    forbidden = {
        name: move
        for name, move in moves_from(message, state).items()
        if move[1] is not state and move[1] not in MOVES[state]
    }
    assert forbidden == {}


def test_every_allowed_move_is_made_by_somebody(message):
    made = {move for state in State for move in moves_from(message, state).values()}
    allowed = {(before, after) for before in State for after in MOVES[before]}
    assert allowed - made == set()


def test_every_state_is_in_the_table():
    assert MOVES.keys() == set(State)


def test_every_state_can_be_reached():
    reached = {State.QUEUED} | {after for afters in MOVES.values() for after in afters}
    assert reached == set(State)
