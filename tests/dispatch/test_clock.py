"""What the clock does beside its tick: nothing ends it, and no fault is silent."""

import logging
import threading

import pytest
from django.db import InterfaceError, OperationalError
from redis import RedisError

from notifier.management.commands.clock import _repeat


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
