"""Whether a campaign may go on, as its messages fare. Pure: tables of counts in, a reason out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext_noop

from notifier.models import State
from notifier.wechat.errors import Kind, kind_of

LEAST_BAD = 3
"""Fewer are no sign of anything, however few were sent."""
BLOCKED = "failed:user block"
"""A receipt's status (official page "Template message", event TEMPLATESENDJOBFINISH)."""

Reason = tuple[str, Mapping[str, object]]
"""An English msgid, and its parameters."""


@dataclass(slots=True)
class Fared:
    """Messages that have ended, or that WeChat has taken."""

    ended: int = 0
    failed: int = 0
    """By an error of WeChat's or ours, or undelivered without the person's doing."""
    refused: int = 0
    """WeChat says that the person does not want it or does not follow."""
    blocked: int = 0
    """A receipt says that the person blocks the account."""


def fared(rows: Iterable[tuple[str, int | None, str]]) -> Fared:
    """Of (state, errcode, receipt_status)."""
    found = Fared()
    for state, errcode, receipt in rows:
        found.ended += 1
        if state == State.UNDELIVERED and receipt == BLOCKED:
            found.blocked += 1
        elif state == State.FAILED and errcode and kind_of(errcode) is Kind.RECIPIENT:
            found.refused += 1
        elif state in (State.FAILED, State.UNDELIVERED, State.UNKNOWN, State.EXPIRED):
            found.failed += 1
    return found


WORDS = {
    "failed": gettext_noop("%(bad)d of the last %(ended)d messages failed: above %(limit)s %%."),
    "refused": gettext_noop(
        "%(bad)d of the last %(ended)d messages were refused: above %(limit)s %%."
    ),
    "blocked": gettext_noop(
        "%(bad)d of the last %(ended)d people block the account: above %(limit)s %%."
    ),
}


def reason_to_stop(found: Fared, limits: Mapping[str, Decimal]) -> Reason | None:
    """`limits`: most per cent of failed, refused and blocked."""
    for kind, text in WORDS.items():
        bad = getattr(found, kind)
        if bad >= LEAST_BAD and bad * 100 > limits[kind] * found.ended:
            return text, {
                "bad": bad,
                "ended": found.ended,
                "limit": f"{limits[kind].normalize():f}",
            }
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
