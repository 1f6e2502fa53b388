"""What is unusual: a table of windows and verdicts."""

from datetime import timedelta

import pytest

from notifier.anomalies.grouping import subject
from notifier.anomalies.judgement import RULES, Verdict, judge, wilson_low
from notifier.models import Basis, Measure
from tests.anomalies.measuring import AT, WIDTH, row, weeks


def verdict(measure: Measure, rows, at=AT, before=AT):
    return judge(RULES[measure], rows, at, WIDTH, before)


@pytest.mark.parametrize(
    ("measure", "values", "bad", "large"),
    [
        (Measure.FAILURE, {"failed": 0}, False, False),
        # Four of a hundred is more than usual, but not surely.
        (Measure.FAILURE, {"failed": 4}, False, False),
        (Measure.FAILURE, {"failed": 12}, True, False),
        (Measure.FAILURE, {"failed": 60}, True, True),
        (Measure.LATENCY, {"p95_ms": 300}, False, False),
        (Measure.LATENCY, {"p95_ms": 600}, True, False),
        (Measure.LATENCY, {"p95_ms": 3_000}, True, True),
        (Measure.REFUSAL, {"blocked": 15}, True, False),
        (Measure.REFUSAL, {"refused": 15}, True, False),
        (Measure.UNDELIVERED, {"undelivered": 15}, True, False),
        (Measure.RECEIPT_LAG, {"lag_ms": 6_000}, False, False),
        (Measure.RECEIPT_LAG, {"lag_ms": 20_000}, True, False),
        (Measure.RECEIPT_LAG, {"lag_ms": 300_000}, True, True),
        (Measure.MISSING, {"missing": 5}, False, False),
        (Measure.MISSING, {"missing": 30}, True, False),
    ],
)
def test_a_window_against_eight_quiet_weeks(measure, values, bad, large):
    found = verdict(measure, weeks() | {AT: row(AT, **values)})
    assert (found.is_bad, found.is_large) == (bad, large)
    assert (found.basis, found.points) == (Basis.WEEK, 8)


def test_what_always_fails_at_this_time_is_usual():
    rows = weeks(failed=12) | {AT: row(AT, failed=12)}
    assert verdict(Measure.FAILURE, rows).is_good


@pytest.mark.parametrize("before", [{}, weeks(failed=80)], ids=["new", "as always"])
@pytest.mark.parametrize(("failed", "is_bad"), [(80, True), (20, False)])
def test_what_mostly_fails_is_never_usual(before, failed, is_bad):
    found = verdict(Measure.FAILURE, before | {AT: row(AT, failed=failed)})
    assert (found.is_bad, found.is_good) == (is_bad, not is_bad)
    assert found.limit == 0.5


def test_nor_what_followers_mostly_refuse():
    refusing = {"refused": 80, "sent": 20}
    found = verdict(Measure.REFUSAL, weeks(**refusing) | {AT: row(AT, **refusing)})
    assert (found.is_bad, found.limit) == (True, 0.5)


@pytest.mark.parametrize(("failed", "is_bad"), [(12, True), (9, False)])
def test_of_an_account_that_sends_a_message_in_five_minutes_most_must_fail(failed, is_bad):
    rows = {AT - n * WIDTH: row(AT - n * WIDTH, tried=1, failed=n < failed) for n in range(12)}
    found = verdict(Measure.FAILURE, rows)
    assert (found is not None and found.is_bad) is is_bad


def test_one_bad_week_does_not_make_it_usual():
    rows = weeks() | {one: row(one, failed=90) for one in list(weeks(count=3))}
    assert verdict(Measure.FAILURE, rows | {AT: row(AT, failed=40)}).is_bad


def test_a_quiet_night_says_nothing():
    few = {"tried": 3, "failed": 3, "timed": 3, "sent": 0}
    rows = weeks() | {AT: row(AT, **few)}
    assert verdict(Measure.FAILURE, rows) is None
    assert verdict(Measure.LATENCY, rows) is None


def test_of_few_messages_the_hour_is_taken_together():
    few = {AT - n * WIDTH: row(AT - n * WIDTH, tried=4, failed=3) for n in range(12)}
    found = verdict(Measure.FAILURE, weeks() | few)
    assert (found.count, found.is_bad) == (20, True)


def test_the_hour_is_compared_with_such_hours():
    """Each Wednesday at half past nine a batch of old addresses fails: at ten it is usual that the
    hour has failures."""
    rows = {}
    for week in range(9):
        for back in range(-2, 12):
            begins = AT - timedelta(weeks=week) - back * WIDTH
            rows[begins] = row(begins, tried=20, failed=8 if 5 <= back <= 8 else 0)
    rows[AT] = row(AT, tried=20, failed=1)
    found = verdict(Measure.FAILURE, rows)
    assert (found.is_bad, found.is_good) == (False, False)
    quiet = {begins: row(begins, tried=20) for begins in rows if begins < AT - timedelta(days=1)}
    assert verdict(Measure.FAILURE, rows | quiet).is_bad


@pytest.mark.parametrize(
    ("step", "count", "basis", "points"),
    [
        (timedelta(weeks=1), 3, Basis.NONE, 0),
        (timedelta(days=1), 5, Basis.DAY, 5),
        (WIDTH, 40, Basis.HOURS, 6),
        (WIDTH, 20, Basis.NONE, 0),
    ],
)
def test_what_it_is_compared_with_while_it_is_young(step, count, basis, points):
    rows = {AT - n * step: row(AT - n * step) for n in range(count + 1)}
    found = verdict(Measure.FAILURE, rows)
    assert found
    assert (found.basis, found.points) == (basis, points)


def test_it_is_no_example_of_itself():
    """For two days three of ten fail: what went before is usual."""
    begun = AT - timedelta(days=2)
    rows = {AT - timedelta(days=n): row(AT - timedelta(days=n)) for n in range(3, 9)}
    rows |= {one: row(one, failed=30) for one in (begun, AT - timedelta(days=1), AT)}
    found = verdict(Measure.FAILURE, rows, before=begun)
    assert (found.is_bad, found.usual, found.points) == (True, 0, 6)


def test_wilson_against_the_book():
    """Newcombe (1998), table I: 81 of 263 at 95 %: 0.2553 to 0.3662."""
    assert wilson_low(81, 263, 1.959964) == pytest.approx(0.2553, abs=5e-5)
    assert wilson_low(0, 20) == pytest.approx(0)


BAD, GOOD = Verdict(True, False, 0.5), Verdict(False, True, 0.0)


@pytest.mark.parametrize(
    ("verdicts", "account_has_one", "about"),
    [
        ({0: GOOD, 1: GOOD}, False, None),
        ({0: GOOD, 1: BAD, 2: GOOD}, False, 1),
        ({0: GOOD, 1: BAD, 2: BAD}, False, 0),
        # One template is most of the account, and the other is well.
        ({0: BAD, 1: BAD, 2: GOOD}, False, 1),
        ({0: BAD, 1: BAD}, False, 0),
        ({0: BAD}, False, 0),
        ({0: GOOD, 1: BAD, 2: GOOD}, True, 0),
    ],
)
def test_of_what_it_is_told(verdicts, account_has_one, about):
    assert subject(verdicts, account_has_one) == about
