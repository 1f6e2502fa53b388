"""Who looks at the stacks of a process must not kill it."""

import subprocess
import sys


def test_a_process_whose_stacks_are_looked_at_goes_on() -> None:
    """Without the rest that the collector is given it is dead within some seconds (SIGSEGV)."""
    command = [sys.executable, "-m", "tests.profiling.finalizing"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    looks, collects = ended.stdout.split()
    assert int(looks) > 100
    assert collects == "True"
