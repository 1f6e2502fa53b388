"""hongyan profile: what a running process does: its processor time, its memory, its threads.

Without a process it lists those that answer. They may run on other machines: they are asked
through Redis. Exit code 1: it does not answer, or is being profiled already.
"""

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec
from django.utils import timezone

from notifier.acting import SYSTEM, current
from notifier.console.terminal import Exit, Failed, Terminal
from notifier.profiling import asking
from notifier.profiling.asking import Busy, NoAnswer, Run, State
from notifier.profiling.channel import MOST_SECONDS, Failure, Process, Result, What
from notifier.profiling.flame import hottest
from notifier.profiling.memory import MemoryProfile
from notifier.profiling.sampling import CpuProfile
from notifier.profiling.speedscope import CPU, speedscope
from notifier.profiling.threads import Standing, ThreadDump

HELP = "profiles a running process: processor time, memory or threads"
LOOK_SECONDS = 0.2
COLUMNS = ("process", "kind", "pid", "host", "since", "MiB", "threads", "")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("process", nargs="?", help="its name, its kind or its pid, as listed")
    parser.add_argument("--what", choices=get_args(What), default="cpu")
    parser.add_argument("--seconds", type=int, default=10, help=f"1 to {MOST_SECONDS}")
    parser.add_argument("--out", type=Path, help="file for https://www.speedscope.app (cpu)")


def run(
    terminal: Terminal,
    *,
    process: str | None,
    what: What,
    seconds: int,
    out: Path | None,
    **_options: Any,
) -> Exit:
    if not 1 <= seconds <= MOST_SECONDS:
        raise Failed(Exit.USAGE, f"--seconds: 1 to {MOST_SECONDS}.")
    if out and what != "cpu":
        raise Failed(Exit.USAGE, "--out: only processor time has such a file (--what cpu).")
    if out:
        _try(out)
    found = asking.processes()
    if process is None:
        if terminal.as_json:
            terminal.json(msgspec.to_builtins(found))
        terminal.table("Processes", COLUMNS, map(_row, found))
        return Exit.OK
    made = _start(_chosen(found, process), what, 0 if what == "threads" else seconds)
    result = _wait(terminal, made)
    if isinstance(result, CpuProfile) and out:
        out.write_bytes(msgspec.json.encode(speedscope(result, made.title)))
    if terminal.as_json:
        terminal.json(msgspec.to_builtins(result))
    else:
        _show(terminal, result)
    return Exit.OK


def _try(out: Path) -> None:
    """Before the profile is made: it is in the audit trail, and takes its time."""
    try:
        out.touch()
    except OSError as error:
        raise Failed(Exit.USAGE, f"{out} cannot be written: {error.strerror}.") from None


def _row(one: Process) -> tuple[Any, ...]:
    since = timezone.localtime(datetime.fromtimestamp(one.started, UTC)).strftime("%m-%d %H:%M")
    state = "" if one.answers else "does not answer"
    state = "is being profiled" if one.busy_until else state
    return one.name, one.kind, one.pid, one.host, since, one.rss >> 20, one.threads, state


def _chosen(found: list[Process], word: str) -> Process:
    """By its name; else by its kind, pid or pid@host, if just one has it."""
    named = [one for one in found if one.name == word]
    others = [one for one in found if word in (one.kind, str(one.pid), f"{one.pid}@{one.host}")]
    fit = named or others
    fit = [one for one in fit if one.answers] or fit
    if len(fit) == 1:
        return fit[0]
    which = ", ".join(f"{one.name} ({one.pid}@{one.host})" for one in fit or found)
    text = f"Several are called {word}: name one by its pid" if fit else f"There is no {word}"
    raise Failed(Exit.USAGE, f"{text}. There are: {which or 'none'}.")


def _start(process: Process, what: What, seconds: int) -> Run:
    try:
        return asking.start(process, what, seconds, (current() or SYSTEM).name)
    except Busy:
        raise Failed(Exit.REFUSED, f"{process} is being profiled already.") from None
    except NoAnswer:
        raise Failed(Exit.REFUSED, f"{process} does not answer: it has ended or hangs.") from None


def _wait(terminal: Terminal, made: Run) -> Result:
    with terminal.progress(f"profiling {made.process}", round(made.seconds)) as step:
        while True:
            state, result = asking.result(made)
            if isinstance(result, Failure):
                raise Failed(Exit.REFUSED, f"{made.process} could not do it: {result.error}.")
            if result is not None:
                return result
            if state is State.LOST:
                raise Failed(Exit.REFUSED, f"{made.process} ended before it was done, or hangs.")
            step(round(min(time.time() - made.asked_at, made.seconds)))
            time.sleep(LOOK_SECONDS)


def _show(terminal: Terminal, result: Result) -> None:
    match result:
        case CpuProfile():
            _show_cpu(terminal, result)
        case MemoryProfile():
            lines = [(one.place.where, one.grown, one.grown_blocks) for one in result.lines]
            terminal.table("What grew", ("line", "bytes", "blocks"), lines)
            grown = result.rss_after - result.rss_before
            terminal.line(f"The process holds {result.rss_after:,} bytes, {grown:+,} meanwhile.")
        case ThreadDump():
            for one in result.threads:
                _show_thread(terminal, one)


def _show_cpu(terminal: Terminal, profile: CpuProfile) -> None:
    rows = [
        (f"{one.own:.1f} %", f"{one.total:.1f} %", one.place.function, one.place.where)
        for one in hottest(profile, profile.threads, CPU)
    ]
    if rows:
        terminal.table("Where the time goes", ("itself", "in all", "function", "line"), rows)
    else:
        terminal.line("It used no processor time that could be seen: it waited all the while.")
    terminal.line("")
    whole = profile.seconds * 1_000_000 or 1
    busy = [(one.name, f"{100 * one.micros(CPU) / whole:.1f} %") for one in profile.threads]
    terminal.table("Threads", ("thread", "of a processor"), busy)


def _show_thread(terminal: Terminal, one: Standing) -> None:
    busy = "" if one.busy is None else f", {100 * one.busy:.0f} % of a processor"
    terminal.line(f"{one.name} {'waits' if one.waits else 'is at work'}{busy}", style="bold")
    for place in reversed(one.stack):
        terminal.line(f"    {place.function}  {place.where}")
