"""Where an import's files lie: in HONGYAN_HOME, readable by us alone, served by nobody.

<id>.upload: what came; <id>.rows: the rows without errors as they will be stored, a JSON array a
line; <id>.errors.csv: the rows with errors, to be corrected and uploaded again.
"""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings


def _path(import_id: int, ending: str) -> Path:
    folder = Path(settings.HONGYAN_HOME) / "imports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{import_id}.{ending}"


def upload(import_id: int) -> Path:
    return _path(import_id, "upload")


def staged(import_id: int) -> Path:
    return _path(import_id, "rows")


def errors(import_id: int) -> Path:
    return _path(import_id, "errors.csv")


def keep(import_id: int, chunks: Iterable[bytes]) -> None:
    path = upload(import_id)
    path.touch(mode=0o600)
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


def fresh(path: Path) -> Path:
    """Empty, and nobody else's to read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    return path


def delete(import_id: int) -> None:
    for path in (upload(import_id), staged(import_id), errors(import_id)):
        path.unlink(missing_ok=True)
