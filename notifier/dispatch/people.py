"""What WeChat's answers say about the people: later sends to them are refused at intake."""

from collections.abc import Iterable
from datetime import UTC, datetime

from notifier.dispatch.send import Attempt
from notifier.models import UNMOVED, Recipient, RecipientState, Suppression
from notifier.models.sandbox import SANDBOX
from notifier.wechat.errors import Kind

RECIPIENT_STATES: dict[int, RecipientState] = {
    43004: RecipientState.UNFOLLOWED,
    46004: RecipientState.UNFOLLOWED,
    50005: RecipientState.UNFOLLOWED,
    48002: RecipientState.REFUSED,
    43019: RecipientState.BLACKLISTED,
}
"""What an errcode says about the person; codes of the kind RECIPIENT not named here say nothing
certain (40003: perhaps a wrong OpenID)."""
REFUSES_TEMPLATE = 43101


def mark_people(attempts: Iterable[Attempt], now: datetime) -> None:
    """Until an event of WeChat's or the operator says otherwise."""
    refusals = []
    # In the order of their ids, as everybody who locks several: else two could wait for each other.
    for one in sorted(attempts, key=lambda one: one.claimed.recipient_id):
        if one.kind is not Kind.RECIPIENT or one.claimed.openid in SANDBOX:
            continue
        if state := RECIPIENT_STATES.get(one.errcode or 0):
            _move(one.claimed.recipient_id, state, datetime.fromtimestamp(one.began, UTC), now)
        if one.errcode == REFUSES_TEMPLATE:
            refusals.append(
                Suppression(
                    recipient_id=one.claimed.recipient_id,
                    template_id=one.claimed.template_id,
                    errcode=one.errcode,
                    since=now,
                )
            )
    # One that had expired is in force again.
    Suppression.objects.bulk_create(
        refusals,
        update_conflicts=True,
        unique_fields=["recipient", "template"],
        update_fields=["errcode", "since", "until"],
    )


def _move(recipient_id: int, state: RecipientState, began: datetime, now: datetime) -> None:
    """A follow that came after the call is newer; a blacklisting is the operator's to lift."""
    person = Recipient.objects.filter(pk=recipient_id)
    as_it_was = person.exclude(state__in=UNMOVED).exclude(state_since__gt=began)
    as_it_was.update(state=state, state_since=now)
