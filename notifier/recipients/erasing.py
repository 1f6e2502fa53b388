"""Erasing one person on request: their data go, the counts and states of their messages stay."""

from dataclasses import dataclass

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from notifier.dispatch.moves import move
from notifier.models import (
    CampaignRow,
    FallbackSend,
    Message,
    MessageLabel,
    Push,
    Recipient,
    RecipientState,
    Schedule,
    State,
    Suppression,
    WebhookDelivery,
)

EMPTY_PAYLOAD = '{"data":{}}'
"""Of an erased message: pages that show a card find no values in it."""
ATTEMPTS = 10
"""A message accepted in the midst of it makes it begin anew."""


class InTheAir(Exception):
    """A message to the person is with a worker at this moment; in a minute it is not."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What erasing would do, in numbers."""

    messages: int
    waiting: int
    groups: int
    suppressions: int


def effect(recipient: Recipient) -> Effect:
    messages = Message.objects.filter(recipient=recipient)
    return Effect(
        messages=messages.count(),
        waiting=messages.filter(state=State.QUEUED).count(),
        groups=recipient.groups.count(),
        suppressions=recipient.suppressions.count(),
    )


def erase(recipient: Recipient) -> Effect:
    """Raises InTheAir; then nothing was changed."""
    before = effect(recipient)
    for _ in range(ATTEMPTS):
        if _is_erased_now(recipient):
            return before
    raise InTheAir


def _is_erased_now(recipient: Recipient) -> bool:
    """False: a message was accepted in the midst of it, so nothing was changed."""
    with transaction.atomic():
        # Messages first, then the person, as who settles a send locks them; then the campaigns'
        # rows, as who feeds a campaign. Whoever stores a message to them is waited for, and from
        # then on none is stored (`until_commit` in `intake/store.py`).
        emptied = _empty_messages(recipient)
        person = Recipient.objects.select_for_update().get(pk=recipient.pk)
        if Message.objects.filter(recipient=recipient).count() != emptied:
            transaction.set_rollback(True)
            return False
        Push.objects.filter(account_id=person.account_id, openid=person.openid).update(openid="")
        user_id = person.user_id
        _forget(person)
        _rewrite_history(person, user_id)
        CampaignRow.objects.filter(recipient=person).update(data={})
        Schedule.objects.filter(recipient=person).delete()
    return True


def _rewrite_history(person: Recipient, user_id: str) -> None:
    """Django's own names people by what they were called then, with their suppressions, too. (Of
    those that are lifted there is only the text left; a masked name in it names nobody.)"""
    of = ContentType.objects.get_for_models(Recipient, Suppression)
    own = LogEntry.objects.filter(content_type=of[Recipient], object_id=str(person.pk))
    own.update(object_repr=str(person))
    for template in person.account.templates.all() if user_id else []:
        lifted = LogEntry.objects.filter(
            content_type=of[Suppression], object_repr=f"{user_id} · {template}"
        )
        lifted.update(object_repr=f"{person} · {template}")


def _empty_messages(person: Recipient) -> int:
    """How many they are. What waits is never sent: a claim that comes between finds the rows
    locked, and then gone."""
    own = Message.objects.filter(recipient=person)
    locked = list(own.defer("payload").select_for_update().order_by("pk"))
    if any(message.state == State.SENDING for message in locked):
        raise InTheAir
    waiting = {row.pk: row.attempts for row in locked if row.state == State.QUEUED}
    move(waiting, State.CANCELLED, timezone.now())
    FallbackSend.objects.filter(message__recipient=person).update(due_at=None, detail="")
    MessageLabel.objects.filter(message__recipient=person).delete()
    # A service's answer may repeat what it was told.
    WebhookDelivery.objects.filter(event__message__recipient=person).update(log=[])
    own.update(openid=_new_openid(person), payload=EMPTY_PAYLOAD, metadata={})
    return len(locked)


def _new_openid(person: Recipient) -> str:
    return f"erased-{person.pk}"


def _forget(person: Recipient) -> None:
    person.openid = _new_openid(person)
    for name in ("user_id", "name", "email", "phone_hash", "phone_shown", "unionid"):
        setattr(person, name, "")
    person.attributes = {}
    person.followed_at, person.is_test = None, False
    person.state, person.state_since = RecipientState.ERASED, timezone.now()
    person.save()
    person.groups.clear()
    person.tags.clear()
    person.suppressions.all().delete()
