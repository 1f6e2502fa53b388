"""What the dashboard tells, read from the counts: never from the log."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import QuerySet, Sum
from django.utils import timezone

from notifier.dispatch.clock import oldest_due
from notifier.dispatch.lanes import Lane
from notifier.models import MessageCount, Priority, State
from notifier.models.counts import ACCEPTED, ANSWER, Span
from templates_app.models import MessageTemplate, OfficialAccount

DAYS = 30
Counts = QuerySet[MessageCount]
BAD = frozenset({State.FAILED, State.UNDELIVERED, State.UNKNOWN, State.EXPIRED})


@dataclass(slots=True)
class Figures:
    """Of one span of time."""

    states: Counter[str] = field(default_factory=Counter)
    errcodes: Counter[int] = field(default_factory=Counter)
    on_time: int = 0
    late: int = 0
    waited_ms: int = 0

    @property
    def on_time_percent(self) -> float | None:
        sent = self.on_time + self.late
        return 100 * self.on_time / sent if sent else None

    @property
    def average_seconds(self) -> float | None:
        sent = self.on_time + self.late
        return self.waited_ms / sent / 1000 if sent else None


@dataclass(frozen=True, slots=True)
class TemplateFigures:
    template: MessageTemplate
    sent: int
    refused: int

    @property
    def percent(self) -> float:
        return 100 * self.refused / max(self.sent + self.refused, 1)


@dataclass(frozen=True, slots=True)
class Queue:
    account: OfficialAccount
    priority: str
    age: timedelta
    """Of the message that is due for the longest time."""


def midnight(now: datetime) -> datetime:
    return timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)


def figures(counts: Counts, begins: datetime, ends: datetime) -> Figures:
    """By the hour: `begins` and `ends` are whole hours."""
    found = Figures()
    rows = _hours(counts, begins, ends).values_list("state", "errcode")
    sums = (Sum("count"), Sum("on_time"), Sum("late"), Sum("waited_ms"))
    for state, errcode, count, on_time, late, waited_ms in rows.annotate(*sums):
        if state == ANSWER:
            found.errcodes[errcode] += count
            continue
        found.states[state] += count
        found.on_time += on_time
        found.late += late
        found.waited_ms += waited_ms
    return found


def by_day(counts: Counts, now: datetime) -> dict[date, Counter[str]]:
    """The last 30 days, local ones, the oldest first; days without a message too."""
    first = midnight(now) - timedelta(days=DAYS - 1)
    days: dict[date, Counter[str]] = {
        (first + timedelta(days=n)).date(): Counter() for n in range(DAYS)
    }
    for begins, state, count in _series(counts, first, now):
        days.setdefault(timezone.localtime(begins).date(), Counter())[state] += count
    return days


def by_hour(counts: Counts, now: datetime) -> dict[datetime, Counter[str]]:
    """The last 24 hours, the oldest first."""
    this = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    hours: dict[datetime, Counter[str]] = {
        this - timedelta(hours=n): Counter() for n in reversed(range(24))
    }
    for begins, state, count in _series(counts, this - timedelta(hours=23), now):
        hours.setdefault(timezone.localtime(begins), Counter())[state] += count
    return hours


def by_template(counts: Counts, begins: datetime, ends: datetime) -> list[TemplateFigures]:
    """Those with most refusals first."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    rows = _hours(counts, begins, ends).exclude(state__in=(ACCEPTED, ANSWER))
    for template, state, count in rows.values_list("template_id", "state").annotate(Sum("count")):
        found[template][state] += count
    templates = MessageTemplate.objects.in_bulk(found)
    rated = [
        TemplateFigures(templates[pk], states[State.SENT], sum(states[one] for one in BAD))
        for pk, states in found.items()
        if pk in templates
    ]
    return sorted(rated, key=lambda one: (-one.percent, -one.sent))


def queues(accounts: QuerySet[OfficialAccount], now: datetime) -> list[Queue]:
    """Lanes with due messages."""
    due = oldest_due(now)
    return [
        Queue(account, str(priority.label), now - due[lane])
        for account in accounts.filter(is_active=True).defer("app_secret")
        for priority in Priority
        if (lane := Lane(account.pk, priority)) in due
    ]


def _hours(counts: Counts, begins: datetime, ends: datetime) -> Counts:
    return counts.filter(span=Span.HOUR, begins__gte=begins, begins__lt=ends).order_by()


def _series(
    counts: Counts, begins: datetime, ends: datetime
) -> Iterable[tuple[datetime, str, int]]:
    rows = _hours(counts, begins, ends).exclude(state=ANSWER)
    return rows.values_list("begins", "state").annotate(Sum("count"))
