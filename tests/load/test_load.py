"""The load test's own words: which bottleneck it names, and its report. (The load itself is no
part of the tests: `make load`.)"""

import re
from dataclasses import replace

import pytest

from tests.load import charts, report
from tests.load.bottleneck import Limits, behind, bottleneck
from tests.load.facts import Database, Run, Step
from tests.load.watch import percentile

LIMITS = Limits(cores=4, pool=100)
CALM = Step(
    users=1,
    seconds=10,
    qps=100,
    p50=0.01,
    p95=0.02,
    p99=0.03,
    errors=0,
    accepted=100,
    sent=100,
    own_sent=100,
    waiting=0,
    to_wechat_p99=0.2,
    receipt_p50=None,
    cpu={"web": 30, "worker": 20, "PostgreSQL": 15},
    memory={"web": 100, "worker": 100},
    machine_cpu=20,
    memory_free=60,
    database=Database(12, 1, 0),
    wechat_connections=10,
    pool_p95=0.01,
    wechat_mean=0.1,
)


def run(**full: object) -> Run:
    last = replace(CALM, users=8, qps=500, accepted=500, sent=500, own_sent=500)
    return Run("x", "a text", 2, 1, [CALM, replace(last, **full)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("full", "what", "because"),
    [
        ({"machine_cpu": 97}, "processor", "4 cores are at 97 %; of one core take web 30 %"),
        ({"cpu": {"web": 190, "worker": 60}}, "processor", "web is at 95 % of one core each"),
        ({"cpu": {"web": 110, "worker": 60}}, "none", "nothing was full"),
        ({"cpu": {"callers": 99, "worker": 60}}, "callers", "99 % of one core"),
        ({"machine_cpu": 97, "cpu": {"callers": 99, "web": 15}}, "callers", "99 % of one core"),
        ({"cpu": {"simulator": 98, "worker": 60}}, "simulator", "98 % of one core"),
        ({"cpu": {"callers": 99, "web": 120, "worker": 60}}, "callers", "99 % of one core"),
        ({"cpu": {"callers": 99, "web": 190}}, "processor", "web is at 95 % of one core each"),
        ({"memory_free": 4.0}, "memory", "4 % of the memory was free"),
        ({"database": Database(12, 6.0, 4.0)}, "database", "6.0 sessions at work 4.0 wait"),
        (
            {"wechat_connections": 100, "own_sent": 300, "waiting": 9},
            "pool of connections",
            "100 of 100",
        ),
        ({"wechat_connections": 100}, "none", "nothing was full"),
        (
            {"wechat_mean": 0.9, "own_sent": 300, "waiting": 9},
            "WeChat",
            "0.90 s, 0.10 s in the first step",
        ),
    ],
)
def test_what_is_full_is_named(full: dict[str, object], what: str, because: str) -> None:
    verdict = bottleneck(run(**full), LIMITS)
    assert verdict.what == what
    assert because in verdict.because


def test_the_processor_comes_first() -> None:
    full = run(machine_cpu=97, memory_free=4.0)
    assert bottleneck(full, LIMITS).what == "processor"


def test_the_fewest_callers_with_nearly_the_most_answers_are_the_saturation() -> None:
    steps = [replace(CALM, users=n, qps=q) for n, q in ((1, 90), (2, 198), (4, 200), (8, 120))]
    assert Run("x", "", 1, 1, steps).saturated.users == 2
    steps.append(replace(CALM, users=16, qps=900, errors=0.9))
    assert Run("x", "", 1, 1, steps).saturated.users == 2


def test_what_was_not_full_is_told_too() -> None:
    said = report.measured(run(), CALM)
    assert "database 12 sessions, 1.0 at work, 0.0 of them waiting" in said
    assert "10 ms until a message has one (P95); WeChat answers in 100 ms (mean)" in said
    assert said.endswith("by 2 web and 1 worker process(es)")


def test_dispatch_that_is_behind_is_told() -> None:
    assert not behind(CALM)
    assert not behind(replace(CALM, accepted=1000, own_sent=400))
    said = behind(replace(CALM, accepted=1000, own_sent=400, waiting=6000))
    assert said == "1,000 messages/s were accepted and 400 sent: the rest waits (6,000 at the end)"
    beside_a_campaign = replace(CALM, accepted=100, sent=2000, own_sent=40, waiting=300)
    assert behind(beside_a_campaign).startswith("100 messages/s were accepted and 40 sent")


def test_a_percentile_lies_between_its_bounds() -> None:
    histogram = {0.1: 50.0, 0.2: 90.0, 0.4: 100.0, float("inf"): 100.0}
    assert percentile(histogram, 0.5) == pytest.approx(0.1)
    assert percentile(histogram, 0.7) == pytest.approx(0.15)
    assert percentile(histogram, 0.99) == pytest.approx(0.38)
    assert percentile({}, 0.5) is None
    assert percentile({0.1: 0.0, float("inf"): 0.0}, 0.5) is None


def test_the_report_tells_all(tmp_path) -> None:  # type: ignore[no-untyped-def]
    full = run(machine_cpu=97)
    report.write(tmp_path, [(full, bottleneck(full, LIMITS))])
    kept = (tmp_path / "report.md").read_text()
    assert "Bottleneck: processor: the machine's 4 cores are at 97 %" in kept
    assert re.search(r"\| 8 \| 500 \| 10 \| 20 \| 30 \| 0.00% \|", kept)
    shown = (tmp_path / "index.html").read_text()
    assert shown.count("<svg") == 4
    assert "<script" not in shown


def test_a_charts_points_stand_at_their_values() -> None:
    drawn = charts.lines("T", [1, 2], {"a<b": [0, 10]}, "ms")
    bottom, top = charts.HEIGHT - charts.BOTTOM, charts.TOP
    points = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert points == [bottom, top]
    assert "a&lt;b" in drawn


def test_numbers_of_a_chart_are_written_out() -> None:
    drawn = charts.lines("T", [1], {"accepted": [9_876]}, "a second")
    assert ">10,000<" in drawn
    assert "accepted: 9,876 a second" in drawn
