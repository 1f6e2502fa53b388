"""The `{{ variable }}` patterns of a template: parsed once, filled with texts. Pure.

For `rendering` and `links`, which others import instead.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Literal


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for the message catalogue."""
    return text


_BRACES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNBALANCED = N_("{{ and }} must come in pairs.")
_BAD_NAME = N_("Between {{ and }} stands one name of letters, digits and _.")


class PatternError(ValueError):
    """A pattern that is no good: the field's key, an English msgid, the place in the pattern."""

    def __init__(self, key: str, text: str, position: int) -> None:
        super().__init__(key, text, position)
        self.key, self.text, self.position = key, text, position

    def __str__(self) -> str:
        return f"{self.key}: {self.text} (position {self.position})"


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field of a template: what is put into WeChat's `data[key].value`."""

    key: str
    label: str
    pattern: str
    overflow: Literal["reject", "shorten"]
    enum_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateSpec:
    """What a template version says; `url` and `miniprogram_pagepath` are patterns as well."""

    wechat_template_id: str
    title: str
    fields: tuple[FieldSpec, ...]
    url: str = ""
    miniprogram_appid: str = ""
    miniprogram_pagepath: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern: its variables as they come, and a %-format with a place for each."""

    key: str
    names: tuple[str, ...]
    format: str

    @property
    def pointer(self) -> str:
        return f"/{self.names[0] if len(set(self.names)) == 1 else self.key}"

    def fill(self, texts: Mapping[str, str]) -> str:
        return self.format % tuple([texts[name] for name in self.names])


def parse_pattern(key: str, text: str) -> Pattern:
    names: list[str] = []
    literals: list[str] = []
    end = 0
    for found in _BRACES.finditer(text):
        name = found[1].strip()
        literals.append(_literal(key, text, end, found.start()))
        if not _NAME.fullmatch(name):
            raise PatternError(key, _BAD_NAME, found.start())
        names.append(name)
        end = found.end()
    literals.append(_literal(key, text, end, len(text)))
    return Pattern(key, tuple(names), "%s".join(literals))


def _literal(key: str, text: str, start: int, end: int) -> str:
    """Return the text between two variables, escaped for %-formatting."""
    literal = text[start:end]
    if stray := re.search(r"\{\{|\}\}", literal):
        raise PatternError(key, _UNBALANCED, start + stray.start())
    return literal.replace("%", "%%")


def picker(names: list[str]) -> Callable[[Mapping[str, object]], tuple[object, ...]]:
    """Return what reads the variables of all patterns at once; itemgetter(one) gives no tuple."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda data: tuple([data[name] for name in names])


def value_text(value: object) -> str | None:
    """Return a caller's value as text: never 1e+20, never True; None for any other type."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        value = Decimal(repr(value) if isinstance(value, float) else value)
    return format(value, "f") if isinstance(value, Decimal) and value.is_finite() else None
