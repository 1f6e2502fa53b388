"""What follows an attempt, as tables. Pure: no database, no clock."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.dispatch.retry import (
    AGAIN,
    FINAL,
    GUARD,
    guard_is_over,
    next_midnight_in_china,
    next_step,
)
from notifier.models import Reason, State
from notifier.wechat.errors import Kind

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
FAR = NOW + timedelta(days=9)


def seconds(value):
    return timedelta(seconds=value)


def step(
    kind, *, attempt=1, is_urgent=False, jitter=1.0, retry_after=None, doubt=None, expires_at=FAR
):
    return next_step(
        kind,
        attempt=attempt,
        is_urgent=is_urgent,
        now=NOW,
        expires_at=expires_at,
        in_doubt_since=doubt,
        retry_after=retry_after,
        jitter=lambda: jitter,
    )


def test_every_kind_is_decided_once():
    assert FINAL.keys() | AGAIN.keys() == set(Kind)
    assert not FINAL.keys() & AGAIN.keys()


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (Kind.OK, State.SENT),
        (Kind.RECIPIENT, State.FAILED),
        (Kind.TEMPLATE, State.FAILED),
        (Kind.REQUEST, State.FAILED),
        (Kind.UNKNOWN_CODE, State.FAILED),
    ],
)
def test_a_clear_answer_is_final(kind, state):
    result = step(kind, attempt=9, retry_after=60)
    assert (result.state, result.reason, result.due_at) == (state, Reason.NONE, None)


@pytest.mark.parametrize("kind", [Kind.RECIPIENT, Kind.TEMPLATE, Kind.REQUEST, Kind.UNKNOWN_CODE])
def test_a_refused_repetition_says_nothing_of_the_first_attempt(kind):
    assert step(kind, attempt=2, doubt=NOW).state is State.UNKNOWN


@pytest.mark.parametrize(
    # wait = jitter * min(cap, base * 2^(attempt - 1)), jitter uniform in [0, 1)
    ("kind", "attempt", "jitter", "wait"),
    [
        (Kind.RETRY, 1, 1.0, 2),
        (Kind.RETRY, 2, 1.0, 4),
        (Kind.RETRY, 5, 1.0, 32),
        (Kind.RETRY, 8, 1.0, 256),
        (Kind.RETRY, 9, 1.0, 300),
        (Kind.RETRY, 30_000, 1.0, 300),
        (Kind.RETRY, 3, 0.0, 0),
        (Kind.RETRY, 3, 0.25, 2),
        (Kind.SLOW, 1, 1.0, 4),
        (Kind.SLOW, 3, 0.5, 8),
        (Kind.SLOW, 20, 1.0, 300),
        (Kind.AMBIGUOUS, 1, 1.0, 2),
        (Kind.AMBIGUOUS, 20, 1.0, 120),
    ],
)
def test_the_wait_doubles_up_to_its_cap_with_full_jitter(kind, attempt, jitter, wait):
    result = step(kind, attempt=attempt, jitter=jitter)
    assert (result.state, result.reason) == (State.QUEUED, Reason.RETRY)
    assert result.due_at == NOW + seconds(wait)


@pytest.mark.parametrize("kind", [Kind.ACCOUNT, Kind.TOKEN])
@pytest.mark.parametrize("attempt", [1, 10])
def test_a_broken_account_waits_for_its_operator(kind, attempt):
    result = step(kind, attempt=attempt, jitter=0.5)
    assert (result.state, result.reason) == (State.QUEUED, Reason.ACCOUNT)
    assert result.due_at == NOW + seconds(15)


@pytest.mark.parametrize(
    ("kind", "jitter", "retry_after", "wait"),
    [(Kind.SLOW, 0.0, 60, 60), (Kind.RETRY, 1.0, 3600, 3600), (Kind.RETRY, 1.0, 1, 2)],
)
def test_wechats_own_wait_is_kept(kind, jitter, retry_after, wait):
    assert step(kind, jitter=jitter, retry_after=retry_after).due_at == NOW + seconds(wait)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        ("2026-11-24T04:00:00+00:00", "2026-11-24T16:00:00+00:00"),
        ("2026-11-24T15:59:59+00:00", "2026-11-24T16:00:00+00:00"),
        ("2026-11-24T16:00:00+00:00", "2026-11-25T16:00:00+00:00"),
        ("2026-12-31T20:00:00+00:00", "2027-01-01T16:00:00+00:00"),
        ("2026-11-24T00:30:00+08:00", "2026-11-25T00:00:00+08:00"),
        ("2026-11-23T23:30:00-05:00", "2026-11-24T16:00:00+00:00"),
    ],
)
def test_a_daily_quota_is_reset_at_midnight_in_china(now, midnight):
    assert next_midnight_in_china(datetime.fromisoformat(now)) == datetime.fromisoformat(midnight)


def test_a_used_up_quota_waits_for_midnight():
    result = step(Kind.QUOTA)
    assert (result.state, result.reason) == (State.QUEUED, Reason.QUOTA)
    assert result.due_at == next_midnight_in_china(NOW)


@pytest.mark.parametrize("kind", AGAIN)
def test_a_retry_after_the_expiry_is_not_made(kind):
    assert step(kind, expires_at=NOW, jitter=0.0).state is State.EXPIRED


@pytest.mark.parametrize(
    # Certain until since + GUARD; a retry due at or after it could be delivered twice.
    ("since", "wait", "state"),
    [
        (0, 2, State.QUEUED),
        (570 - 121, 120, State.QUEUED),
        (570 - 120, 120, State.UNKNOWN),
        (570, 0, State.UNKNOWN),
        (9999, 0, State.UNKNOWN),
    ],
)
def test_a_message_in_doubt_is_repeated_only_under_wechats_guard(since, wait, state):
    result = step(Kind.AMBIGUOUS, attempt=20, jitter=wait / 120, doubt=NOW - seconds(since))
    assert result.state is state


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.SLOW, Kind.ACCOUNT, Kind.QUOTA])
def test_an_earlier_doubt_is_not_forgotten(kind):
    result = step(kind, doubt=NOW - GUARD + seconds(1), retry_after=2)
    assert result.state is State.UNKNOWN


def test_a_message_in_doubt_that_expires_is_unknown_not_expired():
    assert step(Kind.AMBIGUOUS, doubt=NOW, expires_at=NOW + seconds(1)).state is State.UNKNOWN


def test_the_guard_ends_before_wechat_forgets():
    assert not guard_is_over(NOW, NOW + seconds(569))
    assert guard_is_over(NOW, NOW + seconds(570))
    assert timedelta(minutes=10) - GUARD >= seconds(13)  # longer than one call
