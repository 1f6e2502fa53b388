"""How many messages were accepted, by the minute and by the hour: counted from the rows, for a
counter that every request adds to would make them wait for each other. From the clock."""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Count, Max, Sum

from notifier.models import Message, MessageCount
from notifier.models.ahead import is_ahead
from notifier.models.counts import ACCEPTED, MINUTES_KEPT, ONE, Span
from notifier.models.ids import first_id_at

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LATE_COMMIT = 2 * MINUTE
"""A row can become visible so long after the time in its id: its minute is counted again, once a
minute. (At every tick that was a twentieth of what sending a million cost.)"""
MOST = 120
"""Minutes a tick counts at most, after the clock was away."""


def tick(now: datetime) -> None:
    """Two clocks do no harm: whoever counts later finds the same."""
    if is_ahead(now, 2 * MINUTE):
        return
    this = now.replace(second=0, microsecond=0)
    accepted = MessageCount.objects.filter(state=ACCEPTED, span=Span.MINUTE)
    # What a clock that was ahead has counted (another may be a bit ahead): there was nothing yet.
    # It may have done so in the hour before, too, and deleted what is older than is kept.
    was_ahead, _ = accepted.filter(begins__gt=this + MINUTE).delete()
    last = accepted.filter(begins__lte=this).aggregate(last=Max("begins"))["last"]
    begins = this
    if was_ahead:
        begins = this.replace(minute=0) - HOUR
    elif last != this:
        begins = max((last or this) - LATE_COMMIT, this - MINUTES_KEPT)
    for _ in range(MOST):
        if begins > this:
            break
        count_minute(begins)
        if (begins + MINUTE).minute == 0 or begins == this:
            _sum_up(begins.replace(minute=0))
        begins += MINUTE
    MessageCount.objects.filter(span=Span.MINUTE, begins__lt=this - MINUTES_KEPT).delete()


def count_minute(begins: datetime) -> None:
    """A range of the primary key, for ids are ordered by time."""
    rows = Message.objects.filter(
        pk__gte=first_id_at(begins), pk__lt=first_id_at(begins + MINUTE), is_test=False
    ).order_by()
    found = Counter[tuple[int, int]]()
    for account, template, count in rows.values_list("account_id", "version__template_id").annotate(
        Count("pk")
    ):
        found[account, template] = count
    # A minute without a message has a row, too: it says that the minute was counted.
    _store(Span.MINUTE, begins, found or Counter({(0, 0): 0}))


def _sum_up(begins: datetime) -> None:
    minutes = MessageCount.objects.filter(
        state=ACCEPTED, span=Span.MINUTE, begins__gte=begins, begins__lt=begins + HOUR
    ).exclude(account_id=0)
    sums = minutes.order_by().values_list("account_id", "template_id").annotate(Sum("count"))
    _store(Span.HOUR, begins, Counter({(account, template): n for account, template, n in sums}))


def _store(span: Span, begins: datetime, found: Counter[tuple[int, int]]) -> None:
    MessageCount.objects.bulk_create(
        [
            MessageCount(
                span=span,
                begins=begins,
                account_id=account,
                template_id=template,
                state=ACCEPTED,
                shard=0,
                count=count,
            )
            for (account, template), count in sorted(found.items())
        ],
        update_conflicts=True,
        unique_fields=ONE,
        update_fields=["count"],
    )
