"""The stage of a storm: everything that production runs, for real, in a temporary folder.

It imports nothing of Django: its addresses must be in the environment before that is set up.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet

from tests.chaos.servers import PostgreSQL, RedisServer

ROOT = Path(__file__).parents[2]
WORKERS = 3
LEASE_SECONDS = 8
LATENCY_MS = 80
MANAGE = ("manage.py",)
READY_SECONDS = 30
KEEPER_SECONDS = 0.3
WORDS = 25
"""Lines of the log of a process that ended by itself."""


class Player:
    """One process that can be killed or stopped. A session of its own: its children go with it."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], log: Path):
        self.name = name
        self.ended_by_itself = 0
        self.last_words = ""
        self.is_stopped = False
        self._command = command
        self._environment = environment
        self._log = log
        self._was_killed = False
        self._lock = threading.Lock()
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._was_killed = False
        with self._log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *self._command],
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None and not self.is_stopped

    def kill(self) -> None:
        with self._lock:
            self._was_killed = True
            self._signal(signal.SIGKILL)

    def stop(self) -> None:
        with self._lock:
            self.is_stopped = True
            self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        with self._lock:
            self._signal(signal.SIGCONT)
            self.is_stopped = False

    def revive(self) -> None:
        """What a supervisor does."""
        with self._lock:
            if self._process.poll() is not None:
                if not self._was_killed:
                    self.ended_by_itself += 1
                    lines = self._log.read_text(errors="replace").splitlines()
                    self.last_words = "\n".join(lines[-WORDS:])
                self._process = self._start()

    def end(self, seconds: float) -> bool:
        """Asks it to end; False when it had to be killed."""
        self.go_on()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
            return False
        return True

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:  # not reaped, so the number is still this process's
            os.killpg(self._process.pid, number)


class Stage:
    """Enter it to have the servers up, `start_players` for the rest; leaving ends everything."""

    def __init__(
        self,
        worker_command: Sequence[str] = (*MANAGE, "worker"),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`settings`: of the environment, beside those below."""
        self.folder = Path(tempfile.mkdtemp(prefix="hongyan-storm-"))
        self.postgresql = PostgreSQL()
        self.redis = RedisServer(self.folder)
        self.web_url = f"http://127.0.0.1:{_free_port()}"
        self.simulator_url = f"http://127.0.0.1:{_free_port()}"
        self.workers: list[Player] = []
        self.not_ended: list[str] = []
        self._worker_command = worker_command
        self._settings = settings or {}
        self._encryption_key = Fernet.generate_key().decode()
        self._players: dict[str, Player] = {}
        self._simulator: Player | None = None
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")
        self._http = threading.local()

    def __enter__(self) -> "Stage":
        try:
            self.postgresql.start()
            self.redis.start()
            self._simulator = self._player("simulator", *MANAGE, "wechat_simulator", *self._port())
            self._until_up(f"{self.simulator_url}/_control/health")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def environment(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "HONGYAN_DEMO": "1",
            "HONGYAN_HOME": str(self.folder),
            "SECRET_KEY": "only-for-a-storm-" * 4,
            "FIELD_ENCRYPTION_KEYS": self._encryption_key,
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": self.postgresql.url,
            "REDIS_URL": self.redis.url,
            "LANGUAGE_CODE": "en",
            "LOG_LEVEL": "WARNING",
            "WECHAT_API_BASE_URL": self.simulator_url,
            "WECHAT_CONNECT_TIMEOUT": "1",
            "WECHAT_READ_TIMEOUT": "2",
            "DISPATCH_LEASE_SECONDS": str(LEASE_SECONDS),
            # Few, so that a worker holds claimed rows beside those in the air when it is struck.
            "DISPATCH_CONNECTIONS": "16",
            **self._settings,
        }

    def start_players(self) -> None:
        for number in range(1, WORKERS + 1):
            name = f"worker-{number}"
            self._players[name] = self._player(name, *self._worker_command)
        self.workers = list(self._players.values())
        self._players["clock"] = self._player("clock", *MANAGE, "clock")
        options = ["--workers", "1", "--threads", "8", "--no-control-socket"]
        options += ["--log-level", "warning", "--bind", self.web_url.removeprefix("http://")]
        self._players["web"] = self._player("web", "-m", "gunicorn", "config.wsgi", *options)
        self._keeper.start()
        self._until_up(f"{self.web_url}/readyz")

    def player(self, name: str) -> Player:
        return self._players[name]

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One call below the simulator's /_control; the answer's JSON."""
        response = self.session().request(
            method, f"{self.simulator_url}/_control{path}", json=body, params=query, timeout=30
        )
        if response.status_code != 200:
            raise RuntimeError(f"{method} /_control{path}: {response.status_code} {response.text}")
        return response.json()

    def session(self) -> requests.Session:
        """The calling thread's."""
        if not hasattr(self._http, "session"):
            self._http.session = requests.Session()
            self._http.session.trust_env = False
        session: requests.Session = self._http.session
        return session

    def ended_by_themselves(self) -> list[Player]:
        """Processes that a supervisor had to start again though nobody killed them."""
        return [player for player in self._players.values() if player.ended_by_itself]

    def end_players(self) -> None:
        """Workers, clock and web are asked to end; from here on nobody writes."""
        self._closing.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for name, player in self._players.items():
            if not player.end(seconds=20):
                self.not_ended.append(name)
        self._players.clear()

    def close(self) -> None:
        try:
            self.end_players()
            if self._simulator is not None:
                self._simulator.end(seconds=5)
        finally:
            self.redis.kill()
            self.postgresql.stop()

    def forget(self) -> None:
        """Without the logs of the processes, which a failed storm leaves behind."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _player(self, name: str, *command: str) -> Player:
        environment = os.environ | self.environment() | {"HONGYAN_PROCESS": name}
        return Player(name, command, environment, self.folder / f"{name}.log")

    def _port(self) -> list[str]:
        return ["--port", self.simulator_url.rpartition(":")[2], "--latency-ms", str(LATENCY_MS)]

    def _keep(self) -> None:
        while not self._closing.wait(KEEPER_SECONDS):
            for player in self._players.values():
                player.revive()

    def _until_up(self, url: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if self.session().get(url, timeout=5).ok:
                    return
            except requests.RequestException:
                pass
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url} does not answer; the logs are in {self.folder}")
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
