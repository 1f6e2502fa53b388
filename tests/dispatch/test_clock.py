"""What the clock does beside its tick: nothing ends it, and no fault is silent."""

import logging
import threading
import time
from datetime import timedelta

import pytest
from django.db import DataError, InterfaceError, OperationalError
from django.utils import timezone
from redis import ConnectionError, RedisError

from notifier.dispatch import clock as dispatch_clock
from notifier.dispatch import works
from notifier.dispatch.lanes import redis
from notifier.management.commands import clock
from notifier.management.commands.clock import _repeat


@pytest.fixture(autouse=True)
def _nothing_told(monkeypatch):
    monkeypatch.setattr(clock, "_told", {})


@pytest.mark.parametrize(
    ("error", "is_told"),
    [(OperationalError, False), (InterfaceError, False), (RedisError, False), (KeyError, True)],
)
def test_what_fails_is_tried_again_and_a_fault_is_told(caplog, error, is_told):
    stop, tries = threading.Event(), []

    def work():
        tries.append(1)
        if len(tries) == 2:
            stop.set()
            return
        raise error("x")

    with caplog.at_level(logging.INFO):
        _repeat(stop, work, 0, 0)
    assert len(tries) == 2
    assert ("it is tried again" in caplog.text) is is_told


@pytest.mark.parametrize(("is_outage", "is_told"), [(False, True), (True, False)])
def test_what_fails_alone_is_told_though_its_error_looks_like_an_outage(
    monkeypatch, caplog, is_outage, is_told
):
    """While the clock itself finds the database: a lock that is never got, a full disk."""
    monkeypatch.setattr(clock, "ALONE_SECONDS", 0.05)
    one = clock.Command()
    one._complain("OperationalError" if is_outage else "")
    stop, began = threading.Event(), time.monotonic()

    def work():
        if time.monotonic() - began > 0.2:
            stop.set()
        raise OperationalError("canceling statement due to lock timeout")

    _repeat(stop, work, 0.01, 0)
    one._complain("")
    assert ("it is tried again" in caplog.text) is is_told


def test_what_an_earlier_version_did_is_forgotten():
    for name in ("events", "of old"):
        works.done(name, 1)
    works.forgotten_but(["events"])
    assert works.works().keys() == {"events"}


@pytest.mark.parametrize(("fails", "succeeded"), [(True, False), (False, True)])
def test_when_a_work_last_succeeded_is_known(fails, succeeded):
    """One that never does counts from when it was first tried."""
    stop, name = threading.Event(), threading.current_thread().name

    def work():
        stop.set()
        if fails:
            raise KeyError

    redis().hset(works.KEY, name, f"{timezone.now().timestamp() - 60} 5")
    _repeat(stop, work, 5, 0)
    at, every = works.works()[name]
    assert every == 5
    assert (timezone.now() - at < timedelta(seconds=30)) is succeeded


def test_without_redis_works_go_on(monkeypatch):
    def away():
        raise ConnectionError

    monkeypatch.setattr(works, "redis", away)
    stop = threading.Event()
    _repeat(stop, stop.set, 0, 0)
    assert stop.is_set()


def test_a_fault_stops_no_other_work_but_is_told_once_and_the_clock_is_silent(monkeypatch, caplog):
    done = []

    def poisoned(_now):
        raise DataError("one row")

    monkeypatch.setattr(clock, "_told", {})
    for _ in range(3):
        clock.Command()._tick((poisoned, lambda _now: done.append("next")))
    assert done == ["next"] * 3
    assert caplog.text.count("poisoned failed") == 1
    assert dispatch_clock.last_beat() is None
