"""A CSV or XLSX file as rows of texts, one after the other; never the whole file at once."""

import codecs
import csv
import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext_noop
from openpyxl import load_workbook

from notifier.recipients.imports.problems import Unreadable

BLOCK = 1 << 20
MAX_UNPACKED = 2 << 30
"""Bytes that an XLSX may have unpacked; its shared texts are held in memory."""
MAX_COLUMNS = 200
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_XLSX, _XLS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """`rows`: the row's number as a spreadsheet shows it, and its cells; empty rows are left out.
    `share()`: how much of the file has been read, 0 to 1."""

    headers: list[str]
    rows: Iterator[Row]
    share: Callable[[], float]


@contextmanager
def opened(path: Path) -> Iterator[Sheet]:
    """Its content decides what it is, not its name. Raises Unreadable, also while rows are read."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start.startswith(_XLS):
            raise Unreadable(
                gettext_noop(
                    "This is a file of an old Excel (.xls). Save it as .xlsx or as CSV UTF-8."
                )
            )
        with _xlsx(file) if start.startswith(_XLSX) else _csv(file, path) as sheet:
            yield sheet


@contextmanager
def _csv(file: BinaryIO, path: Path) -> Iterator[Sheet]:
    encoding = _encoding(file)
    file.seek(0)
    size = max(path.stat().st_size, 1)
    with io.TextIOWrapper(file, encoding, newline="") as text:
        first = text.readline(1 << 16)
        text.seek(0)
        rows = _numbered(_records(csv.reader(text, delimiter=_delimiter(first))))
        headers = next(rows, (1, []))[1]
        yield Sheet(headers, rows, lambda: min(file.tell() / size, 1.0))


def _encoding(file: BinaryIO) -> str:
    start = file.read(4)
    for bom, name in _BOMS.items():
        if start.startswith(bom):
            return name
    for name in ("utf-8", "gb18030"):
        file.seek(0)
        if _decodes(file, name):
            return name
    raise Unreadable(
        gettext_noop(
            "The file's characters are neither UTF-8 nor GB18030. In Excel, save it as “CSV UTF-8”."
        )
    )


def _decodes(file: BinaryIO, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    try:
        while block := file.read(BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(line: str) -> str:
    """Comma, unless another one stands more often between the headers."""
    return max(",\t;", key=line.count)


def _records(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise Unreadable(
            gettext_noop("The file is no CSV: %(why)s (line %(line)d)."),
            why=str(error),
            line=getattr(reader, "line_num", 0),
        ) from None
    except UnicodeDecodeError:
        raise Unreadable(gettext_noop("The file ends within a character.")) from None


def _numbered(records: Iterator[list[str]]) -> Iterator[Row]:
    for number, cells in enumerate(records, 1):
        if len(cells) > MAX_COLUMNS:
            raise Unreadable(
                gettext_noop("Row %(row)d has %(count)d columns; at most %(limit)d are read."),
                row=number,
                count=len(cells),
                limit=MAX_COLUMNS,
            )
        if number == 1 or any(cell.strip() for cell in cells):
            yield number, cells


@contextmanager
def _xlsx(file: BinaryIO) -> Iterator[Sheet]:
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(one.file_size for one in archive.infolist()) > MAX_UNPACKED:
                raise Unreadable(gettext_noop("The file is too large. Save it as CSV UTF-8."))
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
    except Unreadable:
        raise
    except Exception:  # openpyxl raises whatever its parsers do
        raise Unreadable(
            gettext_noop("Excel's file cannot be read. Open it, and save it again as .xlsx.")
        ) from None
    expected = sheet.max_row or 0
    sheet.reset_dimensions()  # some programs write a wrong one, and rows would be cut
    seen = 0

    def records() -> Iterator[list[str]]:
        nonlocal seen
        for cells in sheet.iter_rows(values_only=True):
            seen += 1
            yield [_text(cell) for cell in cells]

    try:
        rows = _numbered(records())
        headers = next(rows, (1, []))[1]
        yield Sheet(headers, rows, lambda: min(seen / expected, 1.0) if expected else 0.0)
    finally:
        book.close()


def _text(cell: Any) -> str:
    """A number that is whole has no decimals: a phone or a user id typed as a number."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.isoformat() if isinstance(cell, date | datetime) else str(cell)
