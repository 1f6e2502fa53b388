"""The dry run: every row is read, checked and compared, and nothing is changed.

Its rows without errors are staged in a file as they will be stored, so that the import itself has
nothing left to find out about the file. Broken off, it begins anew.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import BinaryIO

import orjson
from django.utils import translation
from django.utils.translation import gettext_noop

from notifier.models import ImportState, RecipientGroup, RecipientImport
from notifier.recipients.claims import Claim
from notifier.recipients.imports.columns import Columns, Entry, match
from notifier.recipients.imports.comparing import compare
from notifier.recipients.imports.error_file import ErrorFile
from notifier.recipients.imports.files import files, fresh
from notifier.recipients.imports.problems import Problem, Unreadable
from notifier.recipients.imports.reading import Row, Sheet, opened
from notifier.recipients.imports.seen import Seen, scratch

CHUNK = 2000
SHOWN = 100
MAX_NEW_GROUPS = 200
"""More are hardly groups: the wrong column, or a list written with another separator."""


class Findings:
    """The figures so far."""

    def __init__(self) -> None:
        self.new = self.changed = self.unchanged = self.wrong = 0
        self.problems: list[Problem] = []
        self.groups: set[str] = set()

    @property
    def rows(self) -> int:
        return self.new + self.changed + self.unchanged + self.wrong

    def figures(self) -> dict[str, object]:
        names = ("rows", "new", "changed", "unchanged", "wrong", "problems")
        return {name: getattr(self, name) for name in names}


def check(claim: Claim[RecipientImport]) -> None:
    """Raises Unreadable, Lost, Stopping."""
    with translation.override(claim.row.language):
        _check(claim)


def _check(claim: Claim[RecipientImport]) -> None:
    import_id = claim.row.pk
    findings = Findings()
    with (
        opened(files.upload(import_id)) as sheet,
        fresh(files.staged(import_id)).open("wb") as staged,
        closing(ErrorFile(files.errors(import_id), sheet.headers)) as errors,
        scratch() as seen,
    ):
        columns = match(sheet.headers)
        for chunk in _chunks(sheet):
            claim.go_on()
            entries, problems = _read(chunk, columns, seen)
            _judge(claim.row.account_id, entries, problems, findings, staged)
            _report(chunk, problems, errors, findings)
            claim.keep(percent=min(int(sheet.share() * 100), 99), **findings.figures())
        staged_bytes = staged.tell()
    if not findings.rows:
        raise Unreadable(gettext_noop("The file has headers, but no rows."))
    known = RecipientGroup.objects.filter(account=claim.row.account_id, name__in=findings.groups)
    claim.keep(
        state=ImportState.CHECKED,
        percent=100,
        attempts=0,
        staged_bytes=staged_bytes,
        ignored_columns=columns.ignored,
        new_groups=sorted(findings.groups - set(known.values_list("name", flat=True))),
    )


def _chunks(sheet: Sheet) -> Iterator[list[Row]]:
    while chunk := list(islice(sheet.rows, CHUNK)):
        yield chunk


Problems = dict[int, list[Problem]]


def _read(chunk: Sequence[Row], columns: Columns, seen: Seen) -> tuple[list[Entry], Problems]:
    entries, problems = [], Problems()
    for number, cells in chunk:
        entry, found = columns.entry(number, cells)
        if entry is None:
            problems[number] = found
        else:
            entries.append(entry)
    for problem in seen.repeated(entries, columns):
        problems.setdefault(problem.row, []).append(problem)
    return [entry for entry in entries if entry.row not in problems], problems


def _judge(
    account_id: int,
    entries: list[Entry],
    problems: Problems,
    findings: Findings,
    staged: BinaryIO,
) -> None:
    plan = compare(account_id, entries)
    for problem in plan.problems:
        problems.setdefault(problem.row, []).append(problem)
    findings.new += len(plan.new)
    findings.changed += len(plan.changed)
    findings.unchanged += plan.unchanged
    for entry in entries:
        if entry.row not in problems:
            findings.groups.update(entry.groups)
            staged.write(orjson.dumps(tuple(entry)) + b"\n")
    if len(findings.groups) > MAX_NEW_GROUPS:
        raise Unreadable(
            gettext_noop(
                "The file names more than %(limit)d groups. Is it the right column, with commas "
                "between the groups?"
            ),
            limit=MAX_NEW_GROUPS,
        )


def _report(
    chunk: Sequence[Row], problems: Problems, errors: ErrorFile, findings: Findings
) -> None:
    for number, cells in chunk:
        if found := problems.get(number):
            errors.write(cells, found)
            findings.wrong += 1
            findings.problems += found[: max(0, SHOWN - len(findings.problems))]
