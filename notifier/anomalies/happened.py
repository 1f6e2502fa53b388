"""What happened to messages in a window, from their events: their ids ascend with their time, so
that a window is a range of the primary key, and its cost does not grow with the log.

Of very many, as many as are looked at are chosen at random. What is rare among them would hardly be
seen, though it matters most (one-time passwords beside a campaign): of each template with fewer
than OWN in the sample its own latest messages are looked at, too.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import QuerySet, Sum

from notifier.anomalies.forecast import SETTLED
from notifier.anomalies.known import hour_of
from notifier.models import Message, MessageCount, MessageEvent, State
from notifier.models.counts import Span
from notifier.models.ids import first_id_at, first_pk_at
from templates_app.models import TemplateVersion

MOST = 10_000
"""Events of a window that are looked at; of more, as many at random."""
CHUNK = 1_000
OWN, OWN_OF_ALL = 200, 20_000
"""Messages of a rare template that are looked at besides, and those of all of them."""
BACKLOG = 50_000
"""Behind so many that wait nobody looks for one that was tried."""
RECENT = timedelta(hours=1)
"""They were accepted since then: what waited for longer is seen by chance alone."""
NAMES = (
    *("pk", "at", "state", "errcode", "duration_ms", "message_id", "message__account_id"),
    *("message__version__template_id", "message__receipt_status", "message__receipt_at"),
)
Key = tuple[int, int]
"""account, template; 0: all of them"""
Event = dict[str, Any]


@dataclass(slots=True)
class Happened:
    events: list[Event]
    is_sample: bool = False
    rare: dict[Key, list[Event]] = field(default_factory=dict)
    """Besides, of templates of which the sample has few."""
    complete: set[Key] = field(default_factory=set)
    """Those of which nothing was left out: rare ones, and accounts that have none but such."""

    def each(self) -> Iterator[tuple[Event, tuple[Key, ...]]]:
        """With the keys that it counts for: a rare template's own would be too many of its account,
        unless nothing of that was left out."""
        for event in self.events:
            account, template = key_of(event)
            yield event, ((account, 0), (account, template))
        for key, events in self.rare.items():
            whole = (key[0], 0)
            keys = (whole, key) if whole in self.complete else (key,)
            yield from ((event, keys) for event in events)

    def is_sample_of(self, key: Key) -> bool:
        return self.is_sample and key not in self.complete


def key_of(event: Event) -> Key:
    return event["message__account_id"], event["message__version__template_id"]


def happened(begins: datetime, ends: datetime) -> Happened:
    """Tests left out. Several processes write events: the order of ids is that of time but for
    seconds, so the range is taken a little wider."""
    slack = (ends - begins) / 20
    rows = MessageEvent.objects.order_by()
    low = first_pk_at(rows, "at", begins - slack)
    high = first_pk_at(rows, "at", ends + slack)
    told = rows.filter(at__gte=begins, at__lt=ends, message__is_test=False)
    if high - low <= MOST:
        return Happened(list(told.filter(pk__gte=low, pk__lt=high).values(*NAMES)))
    # The same ones a window later, when their receipts are asked for.
    chosen = random.Random(low).sample(range(low, high), MOST)  # noqa: S311 - a sample
    found = Happened(list(_in_chunks(told, "pk__among", chosen)), is_sample=True)
    _add_rare(found, told, begins, ends)
    return found


def _in_chunks(rows: QuerySet[MessageEvent], lookup: str, values: list[Any]) -> Iterator[Event]:
    for first in range(0, len(values), CHUNK):
        yield from rows.filter(**{lookup: values[first : first + CHUNK]}).values(*NAMES)


def _add_rare(
    found: Happened, told: QuerySet[MessageEvent], begins: datetime, ends: datetime
) -> None:
    seen = Counter(key_of(event) for event in found.events)
    present = {*seen, *_present(begins, ends)}
    rare = [key for key in present if seen[key] < OWN]
    if not rare:
        return
    most = min(OWN, max(OWN_OF_ALL // len(rare), 1))
    known = {event["pk"] for event in found.events}
    latest = _latest(rare, begins, ends, most)
    for key, messages in latest.items():
        events = list(_in_chunks(told, "message__pk__among", messages))
        found.rare[key] = [event for event in events if event["pk"] not in known]
    few = [key for key, messages in latest.items() if len(messages) < most]
    found.complete = _complete(found, few, _settled(begins, ends))
    lacking = {account for account, _ in present - found.complete}
    found.complete |= {(account, 0) for account, _ in present if account not in lacking}


def _complete(found: Happened, few: Collection[Key], settled: Mapping[Key, int]) -> set[Key]:
    """Those of which as many were seen as were settled; what was accepted before RECENT was not."""
    seen = defaultdict[Key, set[Any]](set)
    for event in chain(found.events, *found.rare.values()):
        if event["state"] in SETTLED:
            seen[key_of(event)].add(event["message_id"])
    return {key for key in few if len(seen[key]) >= settled.get(key, 0)}


def _present(begins: datetime, ends: datetime) -> set[Key]:
    """Of these anything happened, or was accepted, in these hours: what is put back for another
    attempt is not settled, and counted only if WeChat gave an errcode."""
    rows = MessageCount.objects.filter(
        span=Span.HOUR, begins__gte=hour_of(begins - RECENT), begins__lt=ends
    )
    return set(rows.order_by().values_list("account_id", "template_id").distinct())


def _settled(begins: datetime, ends: datetime) -> dict[Key, int]:
    """So many of their messages in these minutes."""
    first = begins.replace(second=0, microsecond=0)
    rows = MessageCount.objects.filter(
        span=Span.MINUTE, begins__gte=first, begins__lt=ends, state__in=SETTLED
    )
    told = rows.order_by().values_list("account_id", "template_id").annotate(Sum("count"))
    return {(account, template): count for account, template, count in told}


def _latest(
    keys: Collection[Key], begins: datetime, ends: datetime, most: int
) -> Mapping[Key, list[Any]]:
    """The ids of their messages, from an index: the newest of each of which any was tried."""
    since, until = first_id_at(begins - RECENT), first_id_at(ends)
    accounts = {template: account for account, template in keys}
    versions = TemplateVersion.objects.filter(template__in=accounts, published_at__isnull=False)
    found: dict[Key, list[Any]] = {key: [] for key in keys}
    for version, template in versions.order_by("-number").values_list("pk", "template"):
        ids = found[accounts[template], template]
        rows = Message.objects.filter(version=version, pk__gte=since, pk__lt=until)
        newest = Message.objects.filter(pk__in=rows.order_by("-pk").values("pk")[:BACKLOG])
        tried = newest.exclude(state=State.QUEUED, attempts=0)
        ids += tried.order_by("-pk").values_list("pk", flat=True)[: most - len(ids)]
    return found
