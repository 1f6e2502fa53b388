"""A message's events in order, its acceptance included."""

from notifier.models.messages import Message, MessageEvent, State


def timeline(message: Message) -> list[MessageEvent]:
    """The first event is not stored: the row itself says when it was accepted, and for when.

    A send writes one row in place of two, which is most of what accepting costs. The others come
    in the order in which they were stored, each under the message's lock: two processes' clocks,
    read before they had it, may say otherwise.
    """
    first = MessageEvent(
        message=message,
        at=message.created_at,
        state=State.QUEUED,
    )
    return [first, *message.events.order_by("id")]
