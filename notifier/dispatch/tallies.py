"""What a batch of results adds to the figures, tests left out: pure."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from notifier.dispatch.retry import Step
from notifier.dispatch.send import Attempt
from notifier.models import State
from notifier.models.counts import ANSWER, Key, Tally


def tallies(steps: Iterable[tuple[Attempt, Step]], now: datetime) -> dict[Key, Tally]:
    found: dict[Key, Tally] = defaultdict(Tally)
    for one, step in steps:
        claimed = one.claimed
        if claimed.is_test:
            continue
        of = (claimed.lane.account_id, claimed.template_id)
        if step.state is not State.QUEUED:
            at_once = step.state is State.SENT and claimed.attempt == 1
            waited = now - claimed.due_at if at_once else None
            found[*of, step.state.value, 0].add(waited)
        if one.errcode:
            found[*of, ANSWER, one.errcode].add()
    return found
