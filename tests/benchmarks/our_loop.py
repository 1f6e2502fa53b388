"""Our dispatch: every row claimed, sent, settled, its events written, in PostgreSQL.
Prints messages a second: python -m tests.benchmarks.our_loop N
"""

import sys
import time

import django

django.setup()

from django.utils import timezone

from notifier.dispatch.drain import drain_lane
from notifier.dispatch.lanes import Lane
from notifier.dispatch.sender import sender
from notifier.models import Message, MessageEvent, Priority, Recipient, State
from notifier.models.ids import new_message_id
from templates_app.models import OfficialAccount, TemplateVersion
from tests.benchmarks.bodies import body


def fill(count: int) -> Lane:
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
                openid=person.openid,
                priority=Priority.BULK,
                payload=body(number, pk.hex).decode(),
                created_at=now,
                due_at=now,
                expires_at=now + timezone.timedelta(days=1),
            )
        )
    Message.objects.bulk_create(rows, batch_size=1000)
    return Lane(account.pk, Priority.BULK)


def run(count: int) -> float:
    lane = fill(count)
    waiting = Message.objects.exclude(state=State.SENT)
    started = time.perf_counter()
    while waiting.filter(state=State.QUEUED).exists():
        drain_lane(lane.account_id, lane.priority)
    assert sender().finish(60)
    rate = count / (time.perf_counter() - started)
    assert not waiting.exists()
    return rate


if __name__ == "__main__":
    MessageEvent.objects.all().delete()
    Message.objects.all().delete()
    run(300)
    print(run(int(sys.argv[1])))
