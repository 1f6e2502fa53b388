"""What is asked in Redis, which is shared with other versions and with processes that died."""

import time
import zlib

import msgspec
import pytest

from notifier.dispatch.lanes import redis
from notifier.profiling import asking, channel
from notifier.profiling.asking import State
from notifier.profiling.channel import Failure, Process
from notifier.profiling.listener import listen
from tests.chaos.processes import until

DEAD = Process("0" * 16, "worker", "worker", "bulk", 99_999, "far", 0, 1, 1)


def test_what_another_version_wrote_is_none(db: None) -> None:
    run = asking.Run("0" * 16, "cpu", 1, DEAD, time.time(), "anna")
    redis().zadd(channel.LATEST, {run.id: run.asked_at})
    redis().set(channel.run_key(run.id), b'{"id": 1}', ex=60)
    redis().set(channel.result_key(run.id), zlib.compress(b'{"type": "gpu"}'), ex=60)
    assert asking.find(run.id) is None
    assert asking.latest() == []
    assert asking.result(run) == (State.FAILED, Failure("AnotherVersion"))


def test_a_night_of_processes_that_die_leaves_no_mountain(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "MOST_KNOWN", 5)
    here = listen("web").id
    until(lambda: here in {one.id for one in asking.processes()})
    for number in range(20):
        channel.note(msgspec.structs.replace(DEAD, id=f"{number:016}"))
        assert redis().hlen(channel.KNOWN) <= 5
    assert here in {one.id for one in asking.processes()}
