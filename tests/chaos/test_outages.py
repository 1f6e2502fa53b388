"""Redis and the database go away while everything runs: waited for, told once, and gone on with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from notifier.models import Message, State
from tests import builders
from tests.chaos.processes import database_url, until
from tests.chaos.servers import RedisServer
from tests.conftest import Platform

pytestmark = pytest.mark.chaos


def test_a_worker_waits_for_redis_and_goes_on(platform: Platform, log: Path, tmp_path: Path):
    """A Redis of its own, killed for five seconds while messages wait."""
    redis = RedisServer(tmp_path)
    redis.start()
    environment = os.environ | {
        "DATABASE_URL": database_url(),
        "REDIS_URL": redis.url,
        "LOG_LEVEL": "INFO",
    }
    message = platform.message()
    builders.copies(message, 9)
    redis.kill()  # away already when they start
    with log.open("ab") as output:
        processes = [
            subprocess.Popen(
                [sys.executable, "manage.py", command],
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            for command in ("worker", "clock")
        ]
    try:
        until(lambda: "Is REDIS_URL right?" in log.read_text(), seconds=30)
        redis.start()
        until(lambda: Message.objects.filter(state=State.SENT).count() == 10, seconds=30)
        redis.kill()
        builders.copies(message, 10)
        until(lambda: "redis is away" in log.read_text(), seconds=15)
        redis.start()
        until(lambda: Message.objects.filter(state=State.SENT).count() == 20, seconds=30)
        assert [process.poll() for process in processes] == [None, None]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
        redis.kill()
    text = log.read_text()
    assert text.count("Traceback") <= 2  # RQ's own, once
    assert len(text.splitlines()) < 150
