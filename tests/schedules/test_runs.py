"""When recurring messages are due."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.schedules.runs import NoCron, next_runs


def local(runs: list[datetime], zone: str) -> list[str]:
    from zoneinfo import ZoneInfo

    return [f"{run.astimezone(ZoneInfo(zone)):%m-%d %H:%M}" for run in runs]


def test_in_its_zone() -> None:
    at = datetime(2026, 11, 26, 0, 30, tzinfo=UTC)
    assert local(next_runs("0 9 * * mon-fri", "Asia/Shanghai", at), "Asia/Shanghai") == [
        *("11-26 09:00", "11-27 09:00", "11-30 09:00", "12-01 09:00", "12-02 09:00")
    ]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (datetime(2026, 3, 28, tzinfo=UTC), ["03-28 02:30", "03-29 03:00", "03-30 02:30"]),
        (datetime(2026, 10, 24, tzinfo=UTC), ["10-24 02:30", "10-25 02:30", "10-26 02:30"]),
    ],
)
def test_when_the_clocks_change_a_day_has_one_run(day: datetime, expected: list[str]) -> None:
    assert local(next_runs("30 2 * * *", "Europe/Berlin", day, 3), "Europe/Berlin") == expected


def test_a_time_that_is_shown_twice_comes_once_whenever_one_asks() -> None:
    """The clock asks after each run, and so between the two."""
    zone = "America/New_York"
    between = datetime(2026, 11, 1, 5, 30, 5, tzinfo=UTC)  # 01:30 was shown, and will be again
    assert local(next_runs("30 1 * * *", zone, between, 1), zone) == ["11-02 01:30"]
    second = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)
    assert local(next_runs("*/30 * * * *", zone, second, 1), zone) == ["11-01 02:00"]


def test_every_five_minutes() -> None:
    at = datetime(2026, 11, 26, 0, 2, 30, tzinfo=UTC)
    runs = next_runs("*/5 * * * *", "UTC", at)
    assert [run - runs[0] for run in runs] == [timedelta(minutes=5 * n) for n in range(5)]
    assert all(run.tzinfo is UTC for run in runs)


@pytest.mark.parametrize(
    "cron",
    [
        *("", "* * * *", "* * * * * *", "@daily", "61 * * * *", "R * * * *", "H H * * *"),
        *("0 0 30 2 *", "x y z a b", "* " * 200, "0 0 * * 8", "0 9 * * \0", "1-60/0 * * * *"),
    ],
)
def test_what_is_no_cron_is_told(cron: str) -> None:
    with pytest.raises(NoCron):
        next_runs(cron, "UTC", datetime(2026, 11, 26, tzinfo=UTC))
