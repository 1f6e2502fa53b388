"""What a process remembers for a moment."""

import threading

import pytest

from templates_app import memory as module
from templates_app.memory import Memory


@pytest.fixture
def memory(monkeypatch):
    """Of a value whose time is over."""
    monkeypatch.setattr(module, "SECONDS", 0.0)
    remembered = Memory()
    assert remembered.get("a", lambda _key: "old") == "old"
    monkeypatch.setattr(module, "SECONDS", 60.0)
    return remembered


def test_after_its_time_one_thread_asks_and_the_others_do_not_wait(memory):
    asked, answered = threading.Event(), threading.Event()

    def slowly(_key):
        asked.set()
        assert answered.wait(10)
        return "new"

    found = []
    one = threading.Thread(target=lambda: found.append(memory.get("a", slowly)))
    one.start()
    assert asked.wait(10)
    assert memory.get("a", lambda _key: pytest.fail("asked twice")) == "old"
    answered.set()
    one.join()
    assert found == ["new"]
    assert memory.get("a", lambda _key: pytest.fail("asked again")) == "new"


def test_what_is_gone_is_forgotten(memory):
    assert memory.get("a", lambda _key: None) is None
    assert memory.get("a", lambda _key: "again") == "again"


def test_what_could_not_be_asked_is_asked_again(memory):

    def away(_key):
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        memory.get("a", away)
    assert memory.get("a", lambda _key: "new") == "new"
