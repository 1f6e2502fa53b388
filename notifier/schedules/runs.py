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
    clock = ZoneInfo(zone)
    try:
        runs = croniter(cron, after.astimezone(clock))
    except (CroniterBadCronError, ValueError, KeyError) as error:
        raise NoCron(f"It is no cron expression: {str(error)[:100]}.") from None
    return _runs(runs, clock)


def _runs(runs: croniter, clock: ZoneInfo) -> Iterator[datetime]:
    """A moment itself tells that the clocks show its time again (`fold`): whoever asks between the
    two does not get the second."""
    while True:
        try:
            moment = runs.get_next(datetime).astimezone(UTC)
        except CroniterBadDateError:
            return
        if not moment.astimezone(clock).fold:
            yield moment


def next_runs(cron: str, zone: str, after: datetime, count: int = 5) -> list[datetime]:
    """Raises NoCron, also if it never comes."""
    found = list(islice(upcoming(cron, zone, after), count))
    if not found:
        raise NoCron("It never comes: there is no such day.")
    return found
