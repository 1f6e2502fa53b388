"""When a delivery is tried again and an endpoint left alone, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.webhooks.retry import (
    LONGEST_ASKED,
    PAUSES,
    WAITS,
    Health,
    Tried,
    health_after,
    next_try,
    retry_after_of,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
GOOD, BAD, GONE = Tried(True), Tried(False), Tried(False, is_gone=True)


def seconds(moment):
    return (moment - NOW).total_seconds()


@pytest.mark.parametrize("tries", range(1, len(WAITS) + 1))
def test_each_attempt_waits_longer_than_the_last(tries):
    waits = [seconds(next_try(tries, None, NOW, jitter)) for jitter in (0, 0.5, 1)]
    assert waits == sorted(waits)
    assert waits[1] == WAITS[tries - 1]
    assert (waits[0], waits[2]) == pytest.approx((waits[1] * 0.9, waits[1] * 1.1))


def test_all_attempts_lie_within_a_day_or_so():
    whole = sum(seconds(next_try(tries, None, NOW, 0.5)) for tries in range(1, len(WAITS) + 1))
    assert timedelta(hours=23) < timedelta(seconds=whole) < timedelta(hours=24)
    assert next_try(len(WAITS) + 1, None, NOW, 0.5) is None


@pytest.mark.parametrize(
    ("asked", "wait"), [(0, 5), (3, 5), (60, 60), (LONGEST_ASKED, 3600), (10**9, 3600)]
)
def test_what_a_service_asks_for_is_respected_within_bounds(asked, wait):
    assert seconds(next_try(1, asked, NOW, 0.5)) == wait


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        ("-5", None),
        ("1" * 30, None),
        ("soon", None),
        ("Thu, 26 Nov 2026 12:01:00 GMT", 60),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0),
        ("Thu, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_retry_after_has_two_forms(header, found):
    assert retry_after_of(header, NOW) == found


def test_failures_in_a_row_open_the_breaker_ever_longer():
    health, pauses = Health(), []
    for _ in range(13):
        health = health_after(health, [BAD], NOW)
        pauses.append(health.paused_until and seconds(health.paused_until))
    assert pauses == [None] * 4 + [*PAUSES, PAUSES[-1], PAUSES[-1]]


def test_a_success_closes_it():
    failing = health_after(Health(), [BAD] * 9, NOW)
    assert health_after(failing, [GOOD], NOW) == Health()
    assert health_after(failing, [GOOD, BAD], NOW) == Health(1, NOW, None)


@pytest.mark.parametrize(
    ("since", "because"),
    [(timedelta(days=2, hours=23), ""), (timedelta(days=3), "failing")],
)
def test_after_days_it_is_switched_off(since, because):
    failing = Health(40, NOW - since)
    assert health_after(failing, [BAD], NOW).off_because == because


def test_gone_is_said_at_once():
    assert health_after(Health(), [GONE], NOW).off_because == "gone"
