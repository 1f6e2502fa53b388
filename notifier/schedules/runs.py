"""When a recurring message is due: cron expressions in a time zone. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import CroniterBadCronError, CroniterBadDateError, croniter

_FIELD = re.compile(r"[0-9*,/-]+|(?:[A-Za-z]{3}|[0-9,#L-])+", re.ASCII)
LONGEST = 100


class NoCron(ValueError):
    """The text says what to write instead."""


def upcoming(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Moments after `after`, in UTC, for ever. Raises NoCron.

    A time that the clocks leave out in spring comes when they go on; one that they show twice in
    autumn comes once.
    """
    fields = cron.split()
    if len(cron) > LONGEST or len(fields) != 5 or not all(map(_FIELD.fullmatch, fields)):
        raise NoCron("Five fields: minute, hour, day, month, weekday, such as 0 9 * * mon-fri.")
    try:
        runs = croniter(cron, after.astimezone(ZoneInfo(zone)))
    except (CroniterBadCronError, ValueError, KeyError) as error:
        raise NoCron(f"It is no cron expression: {str(error)[:100]}.") from None
    return _runs(runs)


def _runs(runs: croniter) -> Iterator[datetime]:
    last: datetime | None = None
    while True:
        try:
            moment: datetime = runs.get_next(datetime)
        except CroniterBadDateError:
            return
        on_the_clock = moment.replace(tzinfo=None)
        if last is None or on_the_clock > last:
            last = on_the_clock
            yield moment.astimezone(UTC)


def next_runs(cron: str, zone: str, after: datetime, count: int = 5) -> list[datetime]:
    """Raises NoCron, also if it never comes."""
    found = list(islice(upcoming(cron, zone, after), count))
    if not found:
        raise NoCron("It never comes: there is no such day.")
    return found
