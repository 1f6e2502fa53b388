"""Collects the texts to translate and compiles the catalogue: python -m tests.catalogues

Pure Python (Babel), so that nobody needs gettext's programs. The catalogue is one file for the
whole platform; it also holds the texts of the admin's theme, which ships without Chinese.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import django.contrib.admin
import django.contrib.auth
import unfold
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PO = ROOT / "notifier/locale/zh_Hans/LC_MESSAGES/django.po"
MO = PO.with_suffix(".mo")
OURS = ("config", "notifier", "templates_app")
KEYWORDS = dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop", "N_"))
TAG = re.compile(r"""(?:\{%-?\s*(?:translate|trans)\s+|_\()(["'])(?P<text>.*?)\1""")

BLOCK = re.compile(
    r"\{%-?\s*blocktrans(?:late)?\b[^%]*%\}(?P<text>.*?)\{%-?\s*endblocktrans(?:late)?", re.DOTALL
)
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def texts() -> dict[str, str]:
    """Every text that is marked, with the first place it stands at."""
    found: dict[str, str] = {}
    for folder in OURS:
        for place, text in _marked(ROOT / folder):
            found.setdefault(text, f"{place.relative_to(ROOT)}")
    known = _django_knows()
    for place, text in _marked(Path(unfold.__file__).parent):
        unused = "contrib" in place.parts and "filters" not in place.parts
        if not unused and text not in known:
            found.setdefault(text, f"unfold/{place.name}")
    return found


def _marked(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.py")):
        if "migrations" not in path.parts:
            yield from ((path, text) for text in _in_python(path))
    for path in sorted(folder.rglob("*.html")):
        source = path.read_text()
        yield from ((path, match["text"]) for match in TAG.finditer(source))
        if folder.name in OURS:
            for match in BLOCK.finditer(source):
                yield path, VARIABLE.sub(r"%(\1)s", match["text"].replace("%", "%%"))


def _in_python(path: Path) -> Iterator[str]:
    source = io.BytesIO(path.read_bytes())
    for _line, text, _comments, _context in extract("python", source, KEYWORDS):
        if isinstance(text, str) and text:
            yield text


def _django_knows() -> set[str]:
    folders = [
        Path(django.__file__).parent / "conf",
        Path(django.contrib.admin.__file__).parent,
        Path(django.contrib.auth.__file__).parent,
    ]
    known: set[str] = set()
    for folder in folders:
        with (folder / "locale/zh_Hans/LC_MESSAGES/django.mo").open("rb") as file:
            known |= {str(message.id) for message in read_mo(file) if message.string}
    return known


def catalogue() -> Catalog:
    if not PO.exists():
        return Catalog(locale="zh_Hans")
    with PO.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def untranslated() -> list[str]:
    known = catalogue()
    return [text for text in texts() if not (known.get(text) and known.get(text).string)]


def update(translations: dict[str, str]) -> list[str]:
    """Writes .po and .mo anew; returns what still has no Chinese."""
    old = catalogue()
    new = Catalog(locale="zh_Hans", project="Hongyan", charset="utf-8", fuzzy=False)
    missing = []
    for text, place in sorted(texts().items(), key=lambda item: (item[1], item[0])):
        before = old.get(text)
        chinese = translations.get(text) or (before.string if before else "")
        new.add(text, chinese, locations=[(place, 0)])
        if not chinese:
            missing.append(text)
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, new, width=0, include_lineno=False, omit_header=False)
    with MO.open("wb") as file:
        write_mo(file, new)
    return missing


if __name__ == "__main__":
    for text in update({}):
        print("no Chinese yet:", text)
