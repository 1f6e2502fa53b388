"""What the commands print: tables and lines for people, JSON for programs. Progress, questions and
complaints go to stderr, so that stdout can be piped."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

WIDE = 200
"""Columns where there is no terminal: a pipe need not be folded."""


class Exit(IntEnum):
    """The exit codes, the same for all subcommands."""

    OK = 0
    REFUSED = 1
    """It was understood and cannot be done, or something needs somebody (`status`)."""
    USAGE = 2
    """The arguments are wrong; nothing was done."""
    AWAY = 3
    """The database or Redis does not answer."""
    TIMEOUT = 4
    """`--wait` ended before the message did."""


class Failed(Exception):
    """Ends the command. `details`: for --json."""

    def __init__(self, code: Exit, text: str, **details: Any) -> None:
        super().__init__(text)
        self.code = code
        self.details = details


class Step(Protocol):
    def __call__(self, done: int, total: int | None = None) -> None: ...


class _Out(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the process with 1: that whoever reads has enough is no failure."""
        raise BrokenPipeError


class Terminal:
    """`as_json`: stdout gets JSON and nothing else."""

    def __init__(self, out: TextIO, err: TextIO, as_json: bool = False) -> None:
        self.as_json = as_json
        self._out = out
        width = None if out.isatty() else WIDE
        self._console = _Out(file=out, highlight=False, soft_wrap=True, width=width)
        self._err = Console(file=err, highlight=False, soft_wrap=True)

    def json(self, value: Any) -> None:
        self._out.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
        self._out.flush()

    def line(self, text: str, style: str = "") -> None:
        if not self.as_json:
            self._console.print(Text(text, style=style))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        if self.as_json:
            return
        table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            cells = (one if isinstance(one, Text) else Text(str(one)) for one in row)
            table.add_row(*cells)
        self._console.print(table)

    def complain(self, text: str) -> None:
        self._err.print(Text(text, style="red"))

    def is_sure(self, question: str, is_yes: bool) -> bool:
        """Raises Failed where nobody can be asked."""
        if is_yes:
            return True
        if not sys.stdin.isatty():
            raise Failed(Exit.USAGE, "Nobody can be asked here: say --yes, or --dry-run to look.")
        self._err.print(Text(f"{question} [y/N] "), end="")
        return input().strip().lower() in ("y", "yes")

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Step]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        is_seen = self._err.is_terminal and not self.as_json
        with Progress(
            *columns, TimeElapsedColumn(), console=self._err, disable=not is_seen
        ) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done, total=None: progress.update(task, completed=done, total=total)
