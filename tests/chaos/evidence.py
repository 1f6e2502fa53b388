"""Gathers what the verdict is about: from our tables, and from the simulator's own record."""

from collections import defaultdict

from notifier.models import Message, MessageEvent, State
from tests.chaos.stage import Stage
from tests.chaos.verdict import Event, Story

PAGE = 2000


def stories(stage: Stage) -> dict[str, Story]:
    """By message id; nobody may write meanwhile."""
    told: dict[str, Story] = defaultdict(Story)
    rows = Message.objects.values_list("id", "idempotency_key", "state", "msgid")
    for pk, key, state, msgid in rows.iterator(PAGE):
        story = told[pk.hex]
        story.key, story.state, story.msgid = key or "", State(state), msgid
    # In the timeline's order.
    events = MessageEvent.objects.order_by("id").values_list(
        "message_id", "at", "state", "attempt", "reason", "detail"
    )
    for pk, at, state, attempt, reason, detail in events.iterator(PAGE):
        told[pk.hex].events.append(Event(at, State(state), attempt, reason, detail))
    after = 0
    while page := stage.control("GET", "/messages", after=after, limit=PAGE)["messages"]:
        for card in page:
            told[card["client_msg_id"]].cards.append(card)
        after = page[-1]["n"]
    return dict(told)
