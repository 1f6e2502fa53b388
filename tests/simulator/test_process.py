"""Starting and ending: a busy port, a bad accounts file, and a quick end."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from .conftest import SEND, Official, magic
from .process import PROGRAM, ROOT, SimulatorProcess


def start(file: Path, port: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, str(file), port]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=15, check=False
    )


def test_a_busy_port_is_said_clearly(simulator: SimulatorProcess, tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_text('{"accounts":[]}')
    ended = start(file, simulator.url.rpartition(":")[2])
    assert ended.returncode == 1
    assert "cannot listen on 127.0.0.1" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("text", ["[]", "{", '{"accounts":[{"appid":"x"}]}'])
def test_a_bad_accounts_file_is_said_clearly(tmp_path: Path, text: str) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(text)
    ended = start(file, "0")
    assert ended.returncode == 1
    assert "accounts file" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_ends_quickly_with_hanging_answers_and_streams() -> None:
    simulator = SimulatorProcess()
    with requests.Session() as http:
        official = Official(simulator, http)
        template = {"template_id": "T" * 43, "title": "t", "content": "{{thing2.DATA}}"}
        official.change(secret=official.secret, templates=[template])
        official.token = official.stable()["access_token"]
        with pytest.raises(requests.ReadTimeout):
            official.raw(SEND, official.body(magic("timeout")), timeout=0.2)
        with http.get(f"{simulator.url}/_control/stream", stream=True, timeout=5):
            started = time.monotonic()
            simulator.stop()
    assert time.monotonic() - started < 2
    assert simulator.process.returncode == 0
