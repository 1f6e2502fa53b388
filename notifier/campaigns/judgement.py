"""Whether a campaign may go on, as its messages fare. Pure: tables of counts in, a reason out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.utils.translation import gettext_noop

from notifier.models import State
from notifier.wechat.errors import Kind, kind_of

LEAST_BAD = 3
"""Fewer are no sign of anything, however few were sent."""
STRETCH = 1000
"""What is judged are the last so many messages, at most twice as many: how it fares now, not how it
began."""
BLOCKED = "failed:user block"
"""A receipt's status (official page "Template message", event TEMPLATESENDJOBFINISH)."""

Reason = tuple[str, Mapping[str, object]]
"""An English msgid, and its parameters."""
Fared = Counter[str]
"""answered: WeChat took it or it failed; receipts: those that have come; failed: by an error of
WeChat's or ours, or undelivered without the person's doing; refused: WeChat says that the person
does not want it or does not follow; blocked: a receipt says that they block the account."""
Counted = tuple[str, int | None, str, int]
"""state, errcode, receipt_status, messages"""


def fared(rows: Iterable[Counted]) -> Fared:
    found = Fared()
    for state, errcode, receipt, count in rows:
        if state in (State.QUEUED, State.SENDING, State.CANCELLED):
            continue
        found["answered"] += count
        if state in (State.DELIVERED, State.UNDELIVERED):
            found["receipts"] += count
        if state == State.UNDELIVERED and receipt == BLOCKED:
            found["blocked"] += count
        elif state == State.FAILED and errcode and kind_of(errcode) is Kind.RECIPIENT:
            found["refused"] += count
        elif state in (State.FAILED, State.UNDELIVERED, State.UNKNOWN, State.EXPIRED):
            found["failed"] += count
    return found


def stretch(judged: Mapping[str, Mapping[str, int]], now: Fared) -> tuple[Fared, dict[str, Fared]]:
    """What is to be judged, and `judged` as it is kept for the next time: it moves on by stretches.
    An empty one begins here."""
    begins, turns = (Fared(judged[name]) if judged else now for name in ("from", "next"))
    if (now - turns)["answered"] >= STRETCH:
        begins, turns = turns, now
    return now - begins, {"from": begins, "next": turns}


WORDS = {
    "failed": (
        "answered",
        gettext_noop("%(bad)d of the last %(ended)d messages failed: above %(limit)s %%."),
    ),
    "refused": (
        "answered",
        gettext_noop("%(bad)d of the last %(ended)d messages were refused: above %(limit)s %%."),
    ),
    "blocked": (
        "receipts",
        gettext_noop("%(bad)d of the last %(ended)d people block the account: above %(limit)s %%."),
    ),
}
"""kind -> (of what it is a share, in words)"""


def reason_to_stop(found: Fared, limits: Mapping[str, Decimal]) -> Reason | None:
    """`limits`: most per cent of failed, refused and blocked."""
    for kind, (whole, text) in WORDS.items():
        bad, ended = found[kind], found[whole]
        if bad >= LEAST_BAD and bad * 100 > limits[kind] * ended:
            return text, {"bad": bad, "ended": ended, "limit": f"{limits[kind].normalize():f}"}
    return None


NO_RECEIPTS = gettext_noop(
    "Only %(came)d of %(sent)d receipts of the trial came in %(minutes)d minutes. Does WeChat "
    "reach the callback address? Look at the messages, and let it go on if they arrived."
)


def reason_after_trial(states: Mapping[str, int], minutes: int) -> Reason | None:
    """When the time for its receipts is over."""
    came = states.get(State.DELIVERED, 0) + states.get(State.UNDELIVERED, 0)
    sent = came + states.get(State.SENT, 0)
    if came * 2 >= sent:
        return None
    return NO_RECEIPTS, {"came": came, "sent": sent, "minutes": minutes}
