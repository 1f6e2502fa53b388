"""The recurring work of dispatch, every second: returns lost rows and wakes what is due."""

from datetime import datetime

from django.db.models import OuterRef, Subquery

from notifier.dispatch import sweep
from notifier.dispatch.lanes import Lane, wake
from notifier.dispatch.recovery import return_expired_leases
from notifier.models import Message, Priority, State
from templates_app.models import OfficialAccount


def tick(now: datetime) -> None:
    sweep.tick(now)
    sweep.leave_outages(now)
    for lane in return_expired_leases(now) | lanes_with_due_rows(now):
        wake(lane)


def lanes_with_due_rows(now: datetime) -> set[Lane]:
    """One statement of index look-ups; its cost does not grow with the rows that wait.

    The first in the order of the index, not any: for any, PostgreSQL begins to read the table at
    its start, where a campaign's sent rows are.
    """
    due = Message.objects.filter(account=OuterRef("pk"), state=State.QUEUED, due_at__lte=now)
    first = due.order_by("due_at", "id").values("pk")
    accounts = OfficialAccount.objects.filter(is_active=True).annotate(
        **{priority.word: Subquery(first.filter(priority=priority)[:1]) for priority in Priority}
    )
    return {
        Lane(row["pk"], priority)
        for row in accounts.values("pk", *(priority.word for priority in Priority))
        for priority in Priority
        if row[priority.word]
    }
