"""What people do to messages afterwards: cancel them, or let them be tried again. What each action
would do is a table over the row, looked at twice: for the preview, and under the row's lock."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import transaction

from notifier.dispatch.lanes import Lane, wake
from notifier.dispatch.moves import move
from notifier.models import MOVES, CampaignState, Message, Priority, Reason, RecipientState, State

CHUNK = 500


class Fate(StrEnum):
    """What an action does to one message."""

    GOES = "goes"
    """The action does what its name says."""
    RISKY = "risky"
    """WeChat may have delivered it already: only if somebody takes the risk."""
    TOO_LATE = "too_late"
    """WeChat has it already."""
    ON_ITS_WAY = "on_its_way"
    """It is still being sent by itself."""
    ELSEWHERE = "elsewhere"
    """It went another way, by its template's fallback."""
    REFUSED = "refused"
    """Accepted today it would be refused: the recipient, the template or the account. And of an
    erased person nothing is left to send."""


def fate_of_cancel(message: Message) -> Fate:
    if message.state != State.QUEUED:
        return Fate.TOO_LATE
    return Fate.RISKY if message.in_doubt_since else Fate.GOES


def fate_of_retry(message: Message) -> Fate:
    if message.state in (State.QUEUED, State.SENDING):
        return Fate.ON_ITS_WAY
    if State.QUEUED not in MOVES[State(message.state)]:
        return Fate.TOO_LATE
    if is_erased(message) or is_of_cancelled(message):
        return Fate.REFUSED
    if has_gone_elsewhere(message):
        return Fate.ELSEWHERE
    doubtful = message.in_doubt_since or message.state == State.UNKNOWN
    return Fate.RISKY if doubtful else Fate.GOES


def is_erased(message: Message) -> bool:
    return message.recipient.state == RecipientState.ERASED


def has_gone_elsewhere(message: Message) -> bool:
    """Or is about to. A way that led nowhere was given up: then WeChat is tried again."""
    other = getattr(message, "fallback", None)
    return other is not None and (other.sent_at is not None or other.due_at is not None)


def is_of_cancelled(message: Message) -> bool:
    """Its campaign will never be sent; whoever wants it all the same sends it as new."""
    return message.campaign is not None and message.campaign.state == CampaignState.CANCELLED


def cancel(ids: Iterable[UUID], by: str, now: datetime) -> Counter[Fate]:
    """Stops messages that wait. One that WeChat may have got already becomes `unknown`."""
    fates: Counter[Fate] = Counter()
    for chunk in _chunks(ids):
        with transaction.atomic():
            rows = _locked(chunk)
            found = {row.pk: fate_of_cancel(row) for row in rows}
            for fate, state in ((Fate.GOES, State.CANCELLED), (Fate.RISKY, State.UNKNOWN)):
                chosen = {row.pk: row.attempts for row in rows if found[row.pk] is fate}
                move(chosen, state, now, detail=by)
        fates.update(found.values())
    return fates


def retry(ids: Iterable[UUID], by: str, now: datetime, with_risk: bool = False) -> Counter[Fate]:
    """Ended messages go back to their lane with a whole lifetime. `with_risk`: those, too, that
    may have been delivered; WeChat has forgotten their client_msg_id, so they would arrive twice.
    """
    fates: Counter[Fate] = Counter()
    wanted = {Fate.GOES, Fate.RISKY} if with_risk else {Fate.GOES}
    expires_at = now + timedelta(seconds=settings.MESSAGE_LIFETIME_SECONDS)
    for chunk in _chunks(ids):
        with transaction.atomic():
            rows = _locked(chunk)
            found = {row.pk: fate_of_retry(row) for row in rows}
            chosen = [row for row in rows if found[row.pk] in wanted]
            move(
                {row.pk: row.attempts for row in chosen},
                State.QUEUED,
                now,
                Reason.OPERATOR,
                by,
                due_at=now,
                expires_at=expires_at,
                in_doubt_since=None,
            )
        fates.update(found.values())
        for lane in {Lane(row.account_id, Priority(row.priority)) for row in chosen}:
            wake(lane)
    return fates


def _locked(ids: list[UUID]) -> list[Message]:
    # In the order of ids, as everybody who locks several.
    rows = Message.objects.filter(pk__in=ids).order_by("pk").defer("payload")
    return list(
        rows.select_for_update(of=("self",)).select_related("fallback", "recipient", "campaign")
    )


def _chunks(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    whole = list(ids)
    return (whole[start : start + CHUNK] for start in range(0, len(whole), CHUNK))
