"""Each process that counts has a seat of its own, whatever its number is."""

import multiprocessing
import os
import sys
from subprocess import PIPE, Popen

import pytest

from config.seats import Seat

HOLD = """
import sys
from pathlib import Path
from config.seats import Seat
print(Seat(Path(sys.argv[1]))(), flush=True)
sys.stdin.read()
"""
COUNT = """
import os, sys
os.getpid = lambda: 1  # as in a container
os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
from pathlib import Path
from prometheus_client import Counter, values
from config.seats import Seat
values.ValueClass = values.MultiProcessValue(Seat(Path(sys.argv[1])))
for number in range(int(sys.argv[2])):
    Counter(f"made_{number}", "x").inc()
count = Counter("counted", "x")
count.inc(int(sys.argv[2]))
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def begin(tmp_path):
    """Begins a process; its first line."""
    running = []

    def run(script, *arguments):
        process = Popen(
            [sys.executable, "-c", script, str(tmp_path), *arguments], stdin=PIPE, stdout=PIPE
        )
        running.append(process)
        return process, process.stdout.readline().decode().strip()

    yield run
    for process in running:
        process.communicate(timeout=10)


def test_processes_that_run_together_have_different_seats_and_a_free_one_is_taken_again(begin):
    first, seat = begin(HOLD)
    _, other = begin(HOLD)
    assert (seat, other) == ("0", "1")
    first.communicate(timeout=10)
    assert begin(HOLD)[1] == "0"


def test_a_fork_takes_another_and_the_parent_keeps_its_own(tmp_path):
    seat = Seat(tmp_path)
    mine = seat()
    told, telling = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if not child:
        telling.send(seat())
        os._exit(0)
    os.waitpid(child, 0)
    assert (mine, told.recv(), seat()) == ("0", "1", "0")


def test_processes_with_one_number_count_beside_each_other(begin, tmp_path):
    """prometheus_client alone has them write into one file, which then nobody can read."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    begin(COUNT, "1")
    begin(COUNT, "40")
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(tmp_path))
    shown = generate_latest(registry).decode()
    assert "counted_total 41.0" in shown
    assert "made_0_total 2.0" in shown


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        Seat(tmp_path / "nowhere")()
