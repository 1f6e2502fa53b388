"""How well anomalies are found: precision, recall and time to detect, on seeded weeks of traffic.

python -m tests.benchmarks.anomalies [SEEDS]: eight weeks of history and one with three incidents,
for each fault, size of account and seed; then weeks in which nothing is wrong.
"""

import os
import random
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

os.environ.setdefault("HONGYAN_TEST_DATABASE", "sqlite")

from tests.benchmarks import environment  # isort: skip - starts the services first

from notifier.models import Anomaly
from tests import builders
from tests.anomalies.measuring import WIDTH
from tests.anomalies.replaying import Rows, replay
from tests.anomalies.traffic import (
    BENIGN,
    FAULTS,
    FIRST,
    HISTORY,
    SHARES,
    SIZES,
    WEEK,
    Fault,
    Incident,
    incidents,
    traffic,
)

AFTER = timedelta(minutes=30)
"""An alarm so long after a fault is still about it: its receipts, its last windows."""


@dataclass
class Score:
    incidents: int = 0
    found: int = 0
    minutes: list[float] = field(default_factory=list)
    right: int = 0
    beside: int = 0
    false: int = 0
    weeks: int = 0


def week(size: int, fault: Fault, seed: str) -> tuple[list[Incident], list[Anomaly]]:
    draw = random.Random(seed)
    times = incidents(fault, draw)
    rows: Rows = defaultdict(dict)
    for begins, windows in traffic(size, fault, times, draw):
        for place, one in windows.items():
            rows[place][begins] = one
    account = builders.make_account()
    templates = [builders.make_template(account).pk for _ in SHARES]
    start = FIRST + HISTORY * WEEK
    judged = (start + n * WIDTH for n in range(WEEK // WIDTH))
    return times, replay(account.pk, templates, rows, judged, WIDTH)


def judge(score: Score, fault: Fault, times: list[Incident], raised: list[Anomaly]) -> None:
    score.weeks += 1
    if fault.measure is None:
        score.false += len(raised)
        return
    score.incidents += len(times)
    seen = set()
    for one in raised:
        near = [t for t in times if t.begins <= one.told_at <= t.ends + AFTER]
        if not near:
            score.false += 1
        elif one.measure != fault.measure:
            score.beside += 1
        else:
            score.right += 1
            if near[0] not in seen:
                score.minutes.append((one.told_at - near[0].begins) / timedelta(minutes=1))
            seen.add(near[0])
    score.found += len(seen)


def measure(faults: dict[str, Fault], seeds: int) -> dict[tuple[str, str], Score]:
    scores: dict[tuple[str, str], Score] = defaultdict(Score)
    for name, fault in faults.items():
        for size, most in SIZES.items():
            for seed in range(seeds):
                times, raised = week(most, fault, f"{name} {size} {seed}")
                judge(scores[name, size], fault, times, raised)
            print(name, size, scores[name, size].found, file=sys.stderr, flush=True)
    return scores


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    environment.migrate()
    scores = measure(FAULTS, seeds)
    print("| fault, an hour | account | recall | precision | found after | false, a week |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for (name, size), one in scores.items():
        told = one.right + one.beside + one.false
        after = f"{environment.median(one.minutes):.0f} min" if one.minutes else "–"
        recall, precision = percent(one.found, one.incidents), percent(one.right, told)
        false = f"{one.false / one.weeks:.2f}"
        print(f"| {name} | {size} | {recall} | {precision} | {after} | {false} |")
    total = [*scores.values()]
    told = sum(one.right + one.beside + one.false for one in total)
    recall = percent(sum(one.found for one in total), sum(one.incidents for one in total))
    print(f"| all | | {recall} | {percent(sum(one.right for one in total), told)} | | |")
    print("\n| nothing is wrong | account | false alarms, a week |\n| --- | --- | ---: |")
    for (name, size), one in measure(BENIGN, 2 * seeds).items():
        print(f"| {name} | {size} | {one.false / one.weeks:.2f} |")


if __name__ == "__main__":
    main()
