"""hongyan profile"""

import json
import os
import threading
from pathlib import Path

import pytest

from notifier.models import AuditEntry
from notifier.profiling import asking
from notifier.profiling.channel import note
from notifier.profiling.listener import listen
from tests.admin.test_profiles import gone
from tests.chaos.processes import until
from tests.console.conftest import Run
from tests.profiling.burning import burn

PID = os.getpid()


@pytest.fixture(autouse=True)
def _here(db: None) -> None:
    """This process answers."""
    own = listen("web").id
    until(lambda: any(one.id == own and not one.busy_until for one in asking.processes()))


def test_the_processes_that_answer_and_one_that_does_not(run: Run) -> None:
    note(gone())
    ran = run("profile")
    assert (ran.code, ran.err) == (0, "")
    for part in (str(PID), "worker-9", "does not answer"):
        assert part in ran.out
    assert {one["pid"] for one in run("profile", "--json").json} == {PID, gone().pid}


def test_where_the_time_goes_and_its_file(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "web.speedscope.json"
    busy = threading.Thread(target=burn, args=(2,), name="busy")
    busy.start()
    ran = run("profile", PID, "--seconds", 1, "--out", out)
    busy.join()
    assert (ran.code, ran.err) == (0, "")
    assert "hot_function" in ran.out
    assert "busy" in ran.out
    assert json.loads(out.read_text())["profiles"][0]["type"] == "sampled"
    entry = AuditEntry.objects.get(action="profile")
    assert (entry.actor_kind, json.loads(entry.after)["seconds"]) == ("command", 1)


def test_threads_and_memory(run: Run) -> None:
    ran = run("profile", PID, "--what", "threads")
    assert "MainThread" in ran.out
    assert "test_profile.py" in ran.out
    assert "The process holds" in run("profile", PID, "--what", "memory", "--seconds", 1).out
    assert run("profile", PID, "--what", "threads", "--json").json["threads"]


def test_what_cannot_be_is_said(run: Run) -> None:
    note(gone())
    missing = run("profile", "worker-9", "--what", "threads")
    assert (missing.code, "does not answer" in missing.err) == (1, True)
    unknown = run("profile", "nobody")
    assert (unknown.code, f"{PID}@" in unknown.err) == (2, True)
    for wrong in (("--seconds", 61), ("--seconds", 0), ("--what", "threads", "--out", "x")):
        assert run("profile", PID, *wrong).code == 2


def test_a_file_that_cannot_be_written_is_said_before_anything_is_made(run: Run) -> None:
    ran = run("profile", PID, "--seconds", 1, "--out", "/nowhere/x.json")
    assert (ran.code, "/nowhere/x.json cannot be written" in ran.err) == (2, True)
    assert not AuditEntry.objects.filter(action="profile").exists()
