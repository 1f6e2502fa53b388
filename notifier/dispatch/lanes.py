"""Lanes and how they are woken. A lane is (account, priority); a job drains it, not one message.

`wake` is called after the commit. Who sets the flag enqueues the one job; `drain` deletes the flag
before it claims, so a message committed before the flag was tried is seen, whoever set it.
"""

import logging
import time
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

import django_rq
from django.conf import settings
from redis import Redis, RedisError
from rq import Queue

from notifier.models import Priority

log = logging.getLogger(__name__)

COMPLAIN_SECONDS = 10.0
_complained_at = -COMPLAIN_SECONDS

FLAG_SECONDS = 5
"""A worker may die between taking the job and deleting the flag."""
JOB_SECONDS = 60
"""A job that no worker took in this time vanishes: the clock wakes the lane again."""
FAILURE_SECONDS = 14 * 86400
"""So long a failed one is kept for whoever reads why; RQ's own is a year."""


class Lane(NamedTuple):
    account_id: int
    priority: Priority

    @property
    def flag(self) -> str:
        return f"hongyan:wake:{self.account_id}:{self.priority.word}"


@lru_cache
def queue(name: str) -> Queue:
    """One Queue for the process; they share one connection pool."""
    return django_rq.get_queue(name, connection=_connection())


@lru_cache
def _connection() -> Redis:
    """Not django-rq's own, which would hold up a request for a minute while Redis hangs."""
    return Redis.from_url(settings.REDIS_URL, **settings.REDIS_PATIENCE)


def redis() -> Redis:
    return queue("urgent").connection


class Wake(NamedTuple):
    """A job, and the flag that says that it is waiting already."""

    flag: str
    queue: str
    job: str
    args: tuple[int, ...] = ()


@lru_cache(maxsize=1024)
def wake_of(lane: Lane) -> Wake:
    args = (lane.account_id, int(lane.priority))
    return Wake(lane.flag, lane.priority.word, "notifier.dispatch.drain.drain_lane", args)


def wake(lane: Lane) -> None:
    """One round trip while the lane is awake. A lost Redis loses no message: the clock wakes."""
    wake_job(wake_of(lane))


def wake_job(wake: Wake) -> None:
    """Enqueues the job unless its flag is set. Raises nothing."""
    try:
        if redis().set(wake.flag, 1, nx=True, ex=FLAG_SECONDS):
            name = wake.job.rpartition(".")[2]
            queue(wake.queue).enqueue_call(
                wake.job,
                args=wake.args,
                ttl=JOB_SECONDS,
                result_ttl=0,
                failure_ttl=FAILURE_SECONDS,
                description=name,
            )
    except RedisError as error:
        with suppress(RedisError):
            redis().delete(wake.flag)  # set, but nothing was enqueued: else the lane would sleep on
        _complain(error)


def _complain(error: RedisError) -> None:
    """Once in a while, not once a message."""
    global _complained_at
    if time.monotonic() - _complained_at > COMPLAIN_SECONDS:
        _complained_at = time.monotonic()
        log.warning("redis is away (%s); the clock will wake the lanes", type(error).__name__)


def clear(flag: str) -> None:
    redis().delete(flag)
