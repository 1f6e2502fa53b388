"""Waking beside the request."""

import threading
import time

from notifier.dispatch import lanes, waker
from notifier.dispatch.lanes import Lane, wake_of
from notifier.models import Priority

WAKE = wake_of(Lane(7, Priority.NORMAL))


def until(condition):
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_a_lane_is_woken_a_moment_later():
    """Among others: a test before may have woken one that comes now."""
    waker.Waker().soon(WAKE)
    assert until(lambda: list(WAKE.args) in [list(job.args) for job in lanes.queue("normal").jobs])


def test_requests_at_the_same_moment_share_a_round_trip(monkeypatch):
    busy, woken = threading.Event(), []

    def slowly(wake):
        woken.append(wake)
        busy.wait(5)

    monkeypatch.setattr(waker, "wake_job", slowly)
    one = waker.Waker()
    one.soon(WAKE)
    assert until(lambda: woken)
    for _ in range(100):
        one.soon(WAKE)
    busy.set()
    assert until(lambda: len(woken) == 2)
    time.sleep(0.05)
    assert woken == [WAKE, WAKE]


def test_a_patient_one_gathers_what_comes_one_by_one(monkeypatch):
    woken = []
    monkeypatch.setattr(waker, "wake_job", woken.append)
    patient = waker.Waker(gather_seconds=1)
    patient.soon(WAKE)
    assert until(lambda: woken == [WAKE])  # the first at once
    for _ in range(20):
        patient.soon(WAKE)
        time.sleep(0.005)
    assert woken == [WAKE]
    assert until(lambda: woken == [WAKE, WAKE])


def test_a_redis_that_hangs_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(waker, "wake_job", lambda _wake: time.sleep(5))
    started = time.monotonic()
    waker.Waker().soon(WAKE)
    assert time.monotonic() - started < 2
