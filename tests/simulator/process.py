"""Starts and stops a simulator process; other rooms' tests use it too."""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys; from pathlib import Path; from notifier.simulator.server import run; "
    "certificate = Path(sys.argv[3]) if sys.argv[3:] else None; "
    "run('127.0.0.1', int(sys.argv[2]), Path(sys.argv[1]), 0.0, certificate)"
)


class SimulatorProcess:
    """A simulator on a free port; `url` has no slash at its end."""

    def __init__(
        self,
        accounts: list[dict[str, Any]] | None = None,
        port: int = 0,
        certificate: Path | None = None,
    ) -> None:
        """HTTPS with `certificate`, the file that it is written to."""
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = str(certificate) if certificate else True
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"accounts": accounts or []}, file)
            file.flush()
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, file.name, str(port)]
                + ([str(certificate)] if certificate else []),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            try:
                self.url = self._address()
                self._until_healthy()
            except BaseException:
                self.stop()
                raise

    @property
    def pid(self) -> int:
        return self.process.pid

    def _address(self) -> str:
        stdout = self.process.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], 20)
        line = stdout.readline().decode() if ready else ""
        if "://" not in line:
            raise RuntimeError(f"the simulator did not start (exit code {self.process.poll()})")
        return line.split()[-1].rstrip("/")

    def _until_healthy(self) -> None:
        deadline = time.monotonic() + 10
        while True:
            try:
                self.control("GET", "/health")
                return
            except requests.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def control(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One call below /_control; the answer's JSON, an error as an exception."""
        response = self._http.request(
            method, f"{self.url}/_control{path}", json=body, params=query, timeout=15
        )
        if response.status_code != 200:
            raise RuntimeError(f"{method} /_control{path}: {response.status_code} {response.text}")
        return response.json()

    def stop(self) -> None:
        self._http.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
