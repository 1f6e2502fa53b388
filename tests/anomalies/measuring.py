"""Windows as they would have been measured, and events as dispatch and receipts write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from notifier.models import MeasuredWindow, Message, MessageEvent, State
from tests import builders

WIDTH = timedelta(minutes=5)
AT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
"""A Wednesday, ten in the morning in Shanghai."""
ALL, SOME = 100, 30
"""Messages of a window, and those that fail of some."""
SOON = WIDTH / 10
"""After a window's end."""

USUAL: dict[str, Any] = {
    "tried": 100,
    "failed": 0,
    "timed": 100,
    "median_ms": 80,
    "p95_ms": 150,
    "sent": 100,
    "lag_ms": 2_000,
}


def ends(count: int = 1) -> datetime:
    """A moment after so many windows from AT on."""
    return AT + count * WIDTH + SOON


def windows(**of: Any) -> QuerySet[MeasuredWindow]:
    """Of accounts: without the marks of what was measured."""
    return MeasuredWindow.objects.filter(account_id__gt=0, **of)


def row(begins: datetime, **values: Any) -> MeasuredWindow:
    """Not stored."""
    return MeasuredWindow(begins=begins, **USUAL | values)


def weeks(at: datetime = AT, count: int = 8, **values: Any) -> dict[datetime, MeasuredWindow]:
    """The same time of as many weeks, with its neighbours."""
    begins = [
        at - timedelta(weeks=week) + n * WIDTH for week in range(1, count + 1) for n in range(-3, 4)
    ]
    return {one: row(one, **values) for one in begins}


def remember(account: int, *templates: int, at: datetime = AT, **values: Any) -> None:
    """The account had such weeks, and its templates."""
    MeasuredWindow.objects.bulk_create(
        row(one, account_id=account, template_id=template, **values)
        for template in (0, *templates)
        for one in weeks(at)
    )


def happened(
    template: Any,
    count: int,
    at: datetime,
    state: State = State.SENT,
    *,
    lag: timedelta | None = timedelta(seconds=2),
    status: str = "success",
    is_test: bool = False,
    **values: Any,
) -> list[Message]:
    """So many messages were tried at the moment. `lag` None: without a receipt."""
    first = builders.make_message(template)
    messages = [first, *builders.copies(first, count - 1)]
    ids = [one.pk for one in messages]
    came = {"receipt_status": status, "receipt_at": at + lag} if lag and state == "sent" else {}
    Message.objects.filter(pk__in=ids).update(state=state, is_test=is_test, sent_at=at, **came)
    told = {"duration_ms": 80, "errcode": 0} | values
    MessageEvent.objects.bulk_create(
        MessageEvent(message=one, at=at, state=state, attempt=1, **told) for one in messages
    )
    return messages


def remember_template(account: int, template: int) -> None:
    """Beside others whose account is remembered."""
    MeasuredWindow.objects.bulk_create(
        row(one, account_id=account, template_id=template) for one in weeks()
    )
