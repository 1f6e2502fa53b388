"""Our dispatch: every row claimed, sent, settled, its events written, in PostgreSQL.
Prints messages a second: python -m tests.benchmarks.our_loop N [asked | untold]

asked: a service asked for them, so that each change is written to its outbox; untold: it asked, and
nothing is written, which only this benchmark can do.
"""

import sys
import time

import django

django.setup()

from django.db import connection
from django.utils import timezone

from notifier import garbage
from notifier.dispatch import settle
from notifier.dispatch.drain import drain_lane
from notifier.dispatch.lanes import Lane
from notifier.dispatch.sender import sender
from notifier.models import (
    ApiClient,
    ClientEvent,
    Message,
    MessageEvent,
    OutboxEntry,
    Priority,
    Recipient,
    State,
    WebhookDelivery,
)
from notifier.models.ids import new_message_id
from templates_app.models import OfficialAccount, TemplateVersion
from tests.benchmarks.bodies import body


def fill(count: int, client: ApiClient | None = None, traced: float = 0.0) -> Lane:
    account = OfficialAccount.objects.get()
    version = TemplateVersion.objects.get()
    recipients = list(Recipient.objects.order_by("id"))
    now = timezone.now()
    rows = []
    for number in range(count):
        pk = new_message_id()
        person = recipients[number % len(recipients)]
        rows.append(
            Message(
                id=pk,
                account=account,
                version=version,
                recipient=person,
                client=client,
                openid=person.openid,
                priority=Priority.BULK,
                payload=body(number, pk.hex).decode(),
                traceparent=_traceparent(number, traced) if traced else "",
                created_at=now,
                due_at=now,
                expires_at=now + timezone.timedelta(days=1),
            )
        )
    Message.objects.bulk_create(rows, batch_size=1000)
    return Lane(account.pk, Priority.BULK)


def _traceparent(number: int, share: float) -> str:
    """The last two digits say whether the trace is kept."""
    is_kept = number % round(1 / share) == 0
    return f"00-{number + 1:032x}-{number + 1:016x}-{is_kept:02d}"


def run(count: int, client: ApiClient | None = None) -> float:
    lane = fill(count, client)
    started = time.perf_counter()
    send(lane)
    return count / (time.perf_counter() - started)


def send(lane: Lane) -> None:
    waiting = Message.objects.exclude(state=State.SENT)
    while waiting.filter(state=State.QUEUED).exists():
        drain_lane(lane.account_id, lane.priority)
    assert sender().finish(60)
    assert not waiting.exists()


def empty() -> None:
    with connection.cursor() as cursor:
        tables = (OutboxEntry, WebhookDelivery, ClientEvent, MessageEvent, Message)
        names = ", ".join(one._meta.db_table for one in tables)
        cursor.execute(f"TRUNCATE {names} CASCADE")


if __name__ == "__main__":
    empty()
    how = sys.argv[2] if len(sys.argv) > 2 else ""
    asked = None
    if how in ("asked", "untold"):
        asked = ApiClient.objects.get_or_create(name="benchmark")[0]
    if how == "untold":
        settle.note_changes = lambda *_args: None
    garbage.spare()  # as the worker does
    run(300, asked)
    print(run(int(sys.argv[1]), asked))
