"""What a process remembers for a moment."""

import threading

import pytest

from templates_app import memory as module
from templates_app.memory import EARLY, SECONDS, Memory


class Clock:
    now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(module, "time", clock := Clock())
    return clock


@pytest.fixture
def memory(clock):
    remembered = Memory()
    assert remembered.get("a", lambda _key: "old") == "old"
    return remembered


def not_asked(_key):
    pytest.fail("asked again")


def while_one_asks(memory, meanwhile):
    """What the one found."""
    asked, answered, found = threading.Event(), threading.Event(), []

    def slowly(_key):
        asked.set()
        assert answered.wait(10)
        return "new"

    one = threading.Thread(target=lambda: found.append(memory.get("a", slowly)))
    one.start()
    assert asked.wait(10)
    meanwhile()
    answered.set()
    one.join()
    return found


def test_shortly_before_its_end_one_thread_asks_and_the_others_do_not_wait(memory, clock):
    clock.now += SECONDS - EARLY - 0.01
    assert memory.get("a", not_asked) == "old"
    clock.now += 0.02

    def meanwhile():
        assert memory.get("a", not_asked) == "old"

    assert while_one_asks(memory, meanwhile) == ["new"]
    assert memory.get("a", not_asked) == "new"


def test_what_is_over_is_given_to_nobody_however_long_another_asks(memory, clock):
    """A key that was revoked in another process, and is used by many at once after a quiet day."""

    def it_is_gone():
        clock.now += EARLY
        assert memory.get("a", lambda _key: None) is None

    clock.now += SECONDS - EARLY + 0.01
    while_one_asks(memory, it_is_gone)
    clock.now += 86_400
    while_one_asks(memory, it_is_gone)


def test_what_is_gone_is_forgotten(memory, clock):
    clock.now += SECONDS
    assert memory.get("a", lambda _key: None) is None
    assert memory.get("a", lambda _key: "again") == "again"


def test_what_could_not_be_asked_is_asked_again(memory, clock):
    def away(_key):
        raise OSError

    clock.now += SECONDS
    for _ in range(2):
        with pytest.raises(OSError, match=r"^$"):
            memory.get("a", away)
    assert memory.get("a", lambda _key: "new") == "new"
