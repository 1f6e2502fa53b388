"""What a settled batch adds to the metrics. Each message is looked at by column, in C: in a loop of
Python's, amid all the rest, it costs four times as much."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import attrgetter, sub

from notifier import metrics
from notifier.dispatch.lanes import Lane
from notifier.dispatch.retry import Step
from notifier.dispatch.send import Attempt
from notifier.wechat.phases import PHASES, Phases, connection

_TIMES = attrgetter("began", "claimed.claimed_at", "seconds")
_STATE = attrgetter("state")
_KIND = attrgetter("kind")
_SPENT = attrgetter("is_reused", "is_open", *PHASES)


def count_attempts(steps: Sequence[tuple[Attempt, Step]]) -> None:
    note = metrics.later.note
    by_lane = defaultdict[Lane, list[tuple[Attempt, Step]]](list)
    for pair in steps:
        by_lane[pair[0].claimed.lane].append(pair)
    for lane, pairs in by_lane.items():
        account = lane.account_id
        attempts, settled = zip(*pairs, strict=True)
        for state, count in Counter(map(_STATE, settled)).items():
            note(metrics.settled, (account, lane.priority.word, state.value), count)
        tried = [one for one in attempts if one.kind is not None]
        for kind, count in Counter(map(_KIND, tried)).items():
            note(metrics.attempts, (account, kind.value), count)
        if tried:
            began, claimed_at, seconds = zip(*map(_TIMES, tried), strict=True)
            note(metrics.pool_seconds, (account,), *map(sub, began, claimed_at))
            note(metrics.send_seconds, (account,), *seconds)
        _count_phases(account, [one.phases for one in attempts if one.phases is not None])


def _count_phases(account: int, attempts: Sequence[Phases]) -> None:
    note = metrics.later.note
    by_host = defaultdict[str, list[Phases]](list)
    for one in attempts:
        if one.host:
            by_host[one.host].append(one)
            for host, seconds in one.lost_at.items():
                note(metrics.phase_seconds, (account, host, "lost"), seconds)
    for host, found in by_host.items():
        is_reused, is_open, *spent = zip(*map(_SPENT, found), strict=True)
        for pair, count in Counter(zip(is_reused, is_open, strict=True)).items():
            note(metrics.connections, (account, host, connection(*pair)), count)
        for name, seconds_of_all in zip(PHASES, spent, strict=True):
            if there_was := [*filter(None, seconds_of_all)]:
                note(metrics.phase_seconds, (account, host, name), *there_was)
