"""Accepted messages, counted from the rows by the clock."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from notifier.intake import figures
from notifier.models import MessageCount
from notifier.models.counts import ACCEPTED, Span
from tests import builders

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 4, 0, 30, tzinfo=UTC)


def accept(at, count=1):
    with time_machine.travel(at):
        template = builders.make_template()
        person = builders.make_recipient(template.account)
        for _ in range(count):
            builders.make_message(template, person)
    return template


def counts(span):
    rows = MessageCount.objects.filter(state=ACCEPTED, span=span).exclude(account_id=0)
    return {(row.begins, row.template_id): row.count for row in rows}


def test_by_the_minute_and_by_the_hour():
    template = accept(NOON, 3)
    figures.tick(NOON + timedelta(seconds=20))
    minute, hour = NOON.replace(second=0), NOON.replace(minute=0, second=0)
    assert counts(Span.MINUTE) == {(minute, template.pk): 3}
    assert counts(Span.HOUR) == {(hour, template.pk): 3}


def test_a_second_clock_changes_nothing_and_the_minute_goes_on():
    template = accept(NOON, 2)
    for _ in range(3):
        figures.tick(NOON + timedelta(seconds=5))
    with time_machine.travel(NOON + timedelta(seconds=10)):
        builders.make_message(template, builders.make_recipient(template.account))
    figures.tick(NOON + timedelta(seconds=15))
    assert list(counts(Span.HOUR).values()) == [3]


def test_what_was_accepted_while_the_clock_was_away_is_counted():
    figures.tick(NOON)
    template = accept(NOON + timedelta(minutes=30))
    other = accept(NOON + timedelta(minutes=70))
    figures.tick(NOON + timedelta(minutes=90))
    hour = NOON.replace(minute=0, second=0)
    assert counts(Span.HOUR) == {
        (hour, template.pk): 1,
        (hour + timedelta(hours=1), other.pk): 1,
    }


def test_a_clock_that_was_ahead_leaves_no_gap():
    figures.tick(NOON + timedelta(days=1))
    template = accept(NOON + timedelta(minutes=1))
    figures.tick(NOON + timedelta(minutes=2))
    assert counts(Span.HOUR) == {(NOON.replace(minute=0, second=0), template.pk): 1}


def test_nor_does_it_while_its_minutes_pass():
    """What is accepted after a minute's last tick is counted with the next minute's first."""
    figures.tick(NOON + timedelta(hours=1))
    for n in range(5):
        accept(NOON + timedelta(minutes=n, seconds=25))
        figures.tick(NOON + timedelta(minutes=n, seconds=20))
    figures.tick(NOON + timedelta(minutes=5))
    assert sum(counts(Span.HOUR).values()) == 5


def test_nor_across_an_hour():
    """Half an hour ahead from ten to twelve on."""
    start = NOON.replace(second=0) - timedelta(minutes=10)
    for n in range(11):
        accept(start + timedelta(minutes=n, seconds=1))
        figures.tick(start + timedelta(minutes=n + 30, seconds=30))
    figures.tick(NOON + timedelta(minutes=2))
    assert sum(counts(Span.HOUR).values()) == 11


def test_one_that_was_days_ahead_has_deleted_minutes_and_no_hour_shrinks():
    template = accept(NOON)
    figures.tick(NOON)
    figures.tick(NOON + timedelta(days=3))
    with time_machine.travel(NOON + timedelta(minutes=20)):
        builders.make_message(template, builders.make_recipient(template.account))
    figures.tick(NOON + timedelta(minutes=20))
    assert sum(counts(Span.HOUR).values()) == 2


def test_a_clock_that_is_ahead_of_the_database_counts_nothing():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has the machine's clock")
    figures.tick(builders.now() + timedelta(minutes=5))
    assert not MessageCount.objects.exists()


def test_a_row_that_becomes_visible_late_is_counted():
    figures.tick(NOON)
    accept(NOON - timedelta(seconds=50))  # its transaction ends after the minute was counted
    figures.tick(NOON + timedelta(seconds=35))  # the next minute
    assert sum(counts(Span.HOUR).values()) == 1


def test_old_minutes_are_dropped_and_hours_kept():
    accept(NOON)
    figures.tick(NOON + timedelta(seconds=5))
    figures.tick(NOON + timedelta(days=2, minutes=5))
    assert counts(Span.MINUTE) == {}
    assert len(counts(Span.HOUR)) == 1
