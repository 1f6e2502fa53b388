"""make run as a newcomer meets it: started, used, hurt, stopped, started again."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from django.conf import settings

pytestmark = pytest.mark.chaos


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Demo:
    def __init__(self, home: Path, port: int, simulator_port: int) -> None:
        self.home, self.log = home, home.parent / "demo.log"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = inherited | {
            "HONGYAN_DEMO": "1",
            "HONGYAN_HOME": str(home),
            "PORT": str(port),
            "SIMULATOR_PORT": str(simulator_port),
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    @property
    def facts(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "demo.json").read_text()))

    def everyone(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def one(self, command: str) -> psutil.Process:
        (found,) = [one for one in self.everyone() if one.cmdline()[-1:] == [command]]
        return found

    def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"it did not happen in time\n{self.output}")
            time.sleep(0.1)

    def stop(self) -> list[psutil.Process]:
        """As Ctrl-C does. Returns who is left."""
        tree = self.everyone() if self.process.poll() is None else []
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=40)
        _, alive = psutil.wait_procs(tree, timeout=5)
        for one in alive:
            one.kill()
        return list(alive)


@contextmanager
def demo(home: Path, port: int, simulator_port: int) -> Iterator[Demo]:
    running = Demo(home, port, simulator_port)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_port(), free_port()


def send_by_curl(running: Demo) -> str:
    """The very line that the banner prints; the id of the message."""
    (line,) = [line for line in running.output.splitlines() if line.strip().startswith("curl ")]
    answer = subprocess.run(
        [*shlex.split(line), "--silent", "--noproxy", "*"],
        capture_output=True,
        check=True,
        timeout=20,
    )
    return str(json.loads(answer.stdout)["id"])


def message(running: Demo, message_id: str) -> dict[str, Any]:
    facts = running.facts
    answer = requests.get(
        f"{facts['api_url']}/messages/{message_id}",
        headers={"Authorization": f"Bearer {facts['api_key']}"},
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_demo_delivers_survives_a_dead_worker_and_goes_on_after_a_restart(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    home = tmp_path / "home"
    with demo(home, *ports) as running:
        running.until(lambda: "Ctrl-C stops everything." in running.output)
        assert (home / "demo.json").stat().st_mode & 0o777 == 0o600
        first = send_by_curl(running)
        running.until(lambda: message(running, first)["status"] == "delivered")

        worker = running.one("worker")
        worker.kill()
        second = send_by_curl(running)
        running.until(lambda: message(running, second)["status"] == "delivered")
        assert running.one("worker").pid != worker.pid

        phones = requests.get(
            f"{running.facts['simulator_url']}_control/messages", timeout=10
        ).json()
        received = [one["client_msg_id"] for one in phones["messages"]]
        assert sorted(received) == sorted([first, second])
        before = running.facts
        assert running.stop() == []

    with demo(home, *ports) as running:
        running.until(lambda: "Ctrl-C stops everything." in running.output)
        assert running.facts == before
        assert message(running, first)["status"] == "delivered"
        third = send_by_curl(running)
        running.until(lambda: message(running, third)["status"] == "delivered")
        assert running.stop() == []


def test_a_busy_port_and_a_second_demo_are_told_with_what_to_do(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", ports[0]))
        holder.listen()
        with demo(tmp_path / "home", *ports) as running:
            assert running.process.wait(timeout=40) != 0
            assert f"PORT={ports[0] + 1} make run" in running.output
    with demo(tmp_path / "home", *ports) as first:
        first.until(lambda: "Ctrl-C stops everything." in first.output)
        second = Demo(tmp_path / "home", free_port(), free_port())
        assert second.process.wait(timeout=40) != 0
        assert "Hongyan runs already" in second.output
        assert first.process.poll() is None
