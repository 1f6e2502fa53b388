"""The rows with errors, to be corrected and uploaded again: the file's own columns, and why."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from django.utils.translation import gettext

from notifier.recipients.imports.files import fresh
from notifier.recipients.imports.problems import Problem, in_words
from notifier.recipients.safe_csv import guarded


class ErrorFile:
    """With a byte order mark: Excel would take it for another encoding."""

    def __init__(self, path: Path, headers: Sequence[str]) -> None:
        self._file: IO[str] = fresh(path).open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file)
        kept = [header for header in headers if header not in ("row", "reason")]
        self._places = [place for place, one in enumerate(headers) if one in kept]
        self._writer.writerow(guarded([*kept, "row", "reason"]))

    def write(self, cells: Sequence[str], problems: Iterable[Problem]) -> None:
        all_of_it = list(problems)
        own = [cells[place] if place < len(cells) else "" for place in self._places]
        reason = "; ".join(sentence(one) for one in all_of_it)
        self._writer.writerow(guarded([*own, str(all_of_it[0].row), reason]))

    def close(self) -> None:
        self._file.close()


def sentence(problem: Problem) -> str:
    """Row 17, column email: is not an e-mail address"""
    text = in_words(problem.text, problem.params)
    if not problem.column:
        return gettext("Row %(row)d %(what)s") % {"row": problem.row, "what": text}
    shown = {"row": problem.row, "column": problem.column, "what": text}
    return gettext("Row %(row)d, column %(column)s: %(what)s") % shown
