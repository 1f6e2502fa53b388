"""Where uploaded files lie: in HONGYAN_HOME, readable by us alone, served by nobody.

<id>.upload: what came; <id>.rows: the rows without errors as they will be stored, a JSON array a
line; <id>.errors.csv: the rows with errors, to be corrected and uploaded again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Folder:
    """`pk`: of the row that the files belong to."""

    name: str

    def _path(self, pk: int, ending: str) -> Path:
        folder = Path(settings.HONGYAN_HOME) / self.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / f"{pk}.{ending}"

    def upload(self, pk: int) -> Path:
        return self._path(pk, "upload")

    def staged(self, pk: int) -> Path:
        return self._path(pk, "rows")

    def errors(self, pk: int) -> Path:
        return self._path(pk, "errors.csv")

    def keep(self, pk: int, chunks: Iterable[bytes]) -> None:
        with fresh(self.upload(pk)).open("wb") as file:
            for chunk in chunks:
                file.write(chunk)

    def delete(self, pk: int) -> None:
        for path in (self.upload(pk), self.staged(pk), self.errors(pk)):
            path.unlink(missing_ok=True)


def fresh(path: Path) -> Path:
    """Empty, and nobody else's to read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    return path


files = Folder("imports")
