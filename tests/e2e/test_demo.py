"""make run as a newcomer meets it: started, used, hurt, stopped, started again."""

import json
import os
import re
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
    def __init__(self, home: Path, port: int, simulator_port: int, **more: str) -> None:
        self.home, self.log = home, home.parent / "demo.log"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = inherited | {
            "HONGYAN_DEMO": "1",
            "HONGYAN_HOME": str(home),
            "PORT": str(port),
            "SIMULATOR_PORT": str(simulator_port),
            "HOST": "192.0.2.1",  # what some shells export is not ours
        }
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=settings.BASE_DIR,
                env=environment | more,
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
    home = tmp_path / 'a "home" of 50% #1'
    with demo(home, *ports) as running:
        running.until(lambda: "Ctrl-C stops everything." in running.output)
        assert home.stat().st_mode & 0o777 == 0o700
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
        (redis_socket,) = re.findall(r"--unixsocket (\S+)", (home / "supervisord.conf").read_text())
        assert Path(redis_socket).is_socket()
        assert running.stop() == []
        assert not Path(redis_socket).parent.exists()  # a blank in `home` sent it elsewhere

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
        said = refused(tmp_path / "home", *ports)
        assert f"Port {ports[0]} is in use by another program" in said
        assert re.search(r" PORT=\d+ make run", said)
    with demo(tmp_path / "home", *ports) as first:
        first.until(lambda: "Ctrl-C stops everything." in first.output)
        tree = first.everyone()
        assert "Hongyan runs already" in refused(tmp_path / "home", free_port(), free_port())
        assert first.process.poll() is None

        first.process.kill()  # no time to stop the rest
        first.process.wait()
        said = refused(tmp_path / "home", *ports)
        assert "Hongyan runs already" in said
        (pid,) = re.findall(r"kill (\d+) ends all of it", said)
        os.kill(int(pid), signal.SIGTERM)
        assert psutil.wait_procs(tree, timeout=30)[1] == []


def refused(home: Path, *ports: int, **more: str) -> str:
    """What a demo says that does not start."""
    running = Demo(home, *ports, **more)
    assert running.process.wait(timeout=40) != 0
    assert "Traceback" not in running.output
    return running.output


def test_one_port_for_two_is_told_with_what_to_do(tmp_path: Path) -> None:
    said = refused(tmp_path / "home", 8000, 8000)
    assert "PORT and SIMULATOR_PORT are both 8000" in said
    assert re.search(r"SIMULATOR_PORT=8\d\d\d make run", said)


def test_a_database_that_was_set_for_something_else_is_left_alone(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    real = tmp_path / "real.sqlite3"
    said = refused(tmp_path / "home", *ports, DATABASE_URL=f"sqlite:///{real}")
    assert "DATABASE_URL is set" in said
    assert "HONGYAN_DEMO_DATABASE=1 make run" in said
    assert not real.exists()


def test_a_database_that_was_set_for_the_demo_is_taken(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    own = tmp_path / "own.sqlite3"
    given = {"DATABASE_URL": f"sqlite:///{own}", "HONGYAN_DEMO_DATABASE": "1"}
    with socket.socket() as holder:  # so that it ends soon
        holder.bind(("127.0.0.1", ports[0]))
        assert f"Port {ports[0]} is in use" in refused(tmp_path / "home", *ports, **given)
