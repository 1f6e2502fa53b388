"""hongyan import: recipients from a CSV or XLSX file, by the import that the admin has. It is
checked first; what was found is said before anything is changed."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import translation

from notifier.acting import login
from notifier.audit.record import record
from notifier.console.chosen import account
from notifier.console.terminal import Exit, Failed, Terminal
from notifier.models import Action, ImportState, RecipientImport
from notifier.recipients.imports import job
from notifier.recipients.imports.confirming import confirm, discard
from notifier.recipients.imports.files import files
from notifier.recipients.imports.problems import Problem, in_words

HELP = "imports recipients from a CSV or XLSX file"
LOOK_SECONDS = 0.2
CHUNK = 1 << 20
SHOWN = 20
"""Rows with errors that are printed; all of them stand in the file of --errors."""
FIGURES = ("rows", "new", "changed", "unchanged", "wrong")


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=Path)
    parser.add_argument("--account", required=True, help="its short name")
    parser.add_argument("--dry-run", action="store_true", help="checks the file, changes nothing")
    parser.add_argument("--errors", type=Path, help="where to write the rows with errors (CSV)")
    parser.add_argument("--yes", action="store_true", help="does not ask")


def run(terminal: Terminal, **options: Any) -> Exit:
    row = _kept(options["file"], options["account"])
    _worked(terminal, row, "checking")
    if row.state != ImportState.CHECKED:
        raise Failed(Exit.REFUSED, _why(row))
    _show(terminal, row)
    if options["errors"] and row.wrong:
        options["errors"].write_bytes(files.errors(row.pk).read_bytes())
    if options["dry_run"] or not row.good:
        discard(row)
        _tell(terminal, row, options["dry_run"])
        return Exit.REFUSED if row.wrong else Exit.OK
    if not _is_sure(terminal, row, options["yes"]):
        raise Failed(Exit.REFUSED, "Nothing was changed.")
    confirm(row, login())
    record(
        Action.IMPORT,
        object_type="notifier.RecipientImport",
        object_id=row.pk,
        object_name=row.file_name,
    )
    _worked(terminal, row, "importing")
    if row.state != ImportState.DONE:
        raise Failed(Exit.REFUSED, _why(row))
    terminal.line(f"Done: {row.new:,} new, {row.changed:,} changed.", "green")
    _tell(terminal, row, False)
    return Exit.REFUSED if row.wrong else Exit.OK


def _kept(path: Path, slug: str) -> RecipientImport:
    owner = account(slug)
    try:
        size = path.stat().st_size
        if size > settings.IMPORT_MAX_BYTES:
            raise Failed(
                Exit.USAGE,
                f"The file has {size:,} bytes; at most {settings.IMPORT_MAX_BYTES:,} are taken "
                "(IMPORT_MAX_BYTES). Split it.",
            )
        with path.open("rb") as file:
            row = RecipientImport.objects.create(
                account=owner,
                file_name=path.name[-200:],
                requested_by=login(),
                language=translation.get_language() or settings.LANGUAGE_CODE,
            )
            files.keep(row.pk, iter(lambda: file.read(CHUNK), b""))
    except OSError as error:
        raise Failed(Exit.USAGE, f"{path} cannot be read: {error.strerror}.") from None
    return row


def _worked(terminal: Terminal, row: RecipientImport, title: str) -> None:
    """In a thread of this process, unless a background worker was faster: then it is watched."""
    with terminal.progress(title, 100) as step, ThreadPoolExecutor(1) as thread:
        while row.is_at_work:
            work = thread.submit(_work, row.pk)
            while not work.done():
                time.sleep(LOOK_SECONDS)
                row.refresh_from_db()
                step(row.percent)
            work.result()
            row.refresh_from_db()
            if row.is_at_work:
                time.sleep(LOOK_SECONDS)
        step(100)


def _work(pk: int) -> None:
    try:
        job.run(pk)
    finally:
        connections.close_all()
        close_old_connections()


def _is_sure(terminal: Terminal, row: RecipientImport, is_yes: bool) -> bool:
    try:
        sure = terminal.is_sure(f"Import {row.good:,} rows?", is_yes)
    except Failed:
        discard(row)
        raise
    if not sure:
        discard(row)
    return sure


def _show(terminal: Terminal, row: RecipientImport) -> None:
    figures = [(name, f"{getattr(row, name):,}") for name in FIGURES]
    terminal.table(row.file_name, ("", "rows"), [(_NAMES[name], count) for name, count in figures])
    if row.ignored_columns:
        terminal.line(f"Columns left out: {', '.join(map(str, row.ignored_columns))}")
    for problem in _problems(row):
        terminal.line(f"row {problem['row']}, {problem['column']}: {problem['text']}", "yellow")


_NAMES = {"rows": "all", "wrong": "with errors"} | {
    name: name for name in ("new", "changed", "unchanged")
}


def _problems(row: RecipientImport) -> Iterator[dict[str, Any]]:
    with translation.override("en"):
        for one in (Problem(*values) for values in row.problems[:SHOWN]):
            text = in_words(one.text, one.params)
            yield {"row": one.row, "column": one.column, "text": text}


def _why(row: RecipientImport) -> str:
    with translation.override("en"):
        return in_words(row.error[0], row.error_params()) if row.error else f"It is {row.state}."


def _tell(terminal: Terminal, row: RecipientImport, dry_run: bool) -> None:
    if terminal.as_json:
        told = {"dry_run": dry_run, "state": row.state, "file": row.file_name}
        counts = {name: getattr(row, name) for name in FIGURES}
        terminal.json(told | counts | {"problems": list(_problems(row))})
