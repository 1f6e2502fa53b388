"""What a batch of results adds to the metrics: sorted in one pass, for the messages' objects are
out of the processor's caches by now, and added up before it is counted."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from operator import attrgetter

from notifier import metrics
from notifier.dispatch.lanes import Lane
from notifier.dispatch.retry import Step
from notifier.dispatch.send import Attempt
from notifier.wechat.phases import PHASES, Phases

Host = tuple[int, str]
"""The account, and the address that was asked."""


def count_attempts(steps: Sequence[tuple[Attempt, Step]]) -> None:
    by_lane = defaultdict[Lane, list[tuple[Attempt, Step]]](list)
    by_host = defaultdict[Host, list[Phases]](list)
    lost = defaultdict[Host, list[float]](list)
    for pair in steps:
        lane, phases = pair[0].claimed.lane, pair[0].phases
        by_lane[lane].append(pair)
        if phases is not None and phases.host:
            by_host[lane.account_id, phases.host].append(phases)
            if phases.lost_at:
                for host, seconds in phases.lost_at.items():
                    lost[lane.account_id, host].append(seconds)
    for lane, pairs in by_lane.items():
        _count_lane(lane, pairs)
    for where, found in by_host.items():
        _count_host(where, found)
    for where, spent in lost.items():
        metrics.later.note(metrics.phase_seconds, (*where, "lost"), *spent)


def _count_lane(lane: Lane, pairs: list[tuple[Attempt, Step]]) -> None:
    note, account = metrics.later.note, lane.account_id
    outcomes = Counter([(one.kind, step.state) for one, step in pairs])
    for (kind, state), count in outcomes.items():
        note(metrics.settled, (account, lane.priority.word, state.value), count)
        if kind is not None:
            note(metrics.attempts, (account, kind.value), count)
    tried = [one for one, _ in pairs if one.kind is not None]
    if tried:
        waited = [one.began - one.claimed.claimed_at for one in tried]
        note(metrics.pool_seconds, (account,), *waited)
        note(metrics.send_seconds, (account,), *[one.seconds for one in tried])


def _count_host(where: Host, found: list[Phases]) -> None:
    note = metrics.later.note
    others = [one for one in found if not one.is_reused]
    how = Counter([one.connection for one in others])
    if reused := len(found) - len(others):
        how["reused"] = reused
    for kind, count in how.items():
        note(metrics.connections, (*where, kind), count)
    for name in PHASES:
        if spent := [*filter(None, map(attrgetter(name), found))]:
            note(metrics.phase_seconds, (*where, name), *spent)
