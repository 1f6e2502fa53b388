"""What may go wrong with a version, field by field, with a reason and a fix: before WeChat says it.

Pure over the fields' texts; the rules are those that sending uses (`templates_app/fields.py`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from templates_app.fields import TYPES, compile_rule, field_type, limit_of, units
from templates_app.models import Overflow, TemplateField
from templates_app.patterns import PatternError, parse_pattern


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for the message catalogue."""
    return text


@dataclass(frozen=True, slots=True)
class Hint:
    """`message` and `fix` are English msgids, filled with `params`."""

    key: str
    code: str
    message: str
    fix: str
    params: dict[str, Any] = field(default_factory=dict)
    is_error: bool = False
    """WeChat would refuse the message; else it is advice."""


_VARIABLE = re.compile(r"\{\{.*?\}\}")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d]")
FREE_TEXT = frozenset({"thing", "short_thing", "name", "character_string"})
EXAMPLES: dict[str, str] = {
    "thing": "云南白茶",
    "short_thing": "已发货",
    "character_string": "A-1001",
    "time": "2026-10-01 15:01",
    "date": "2026-10-01",
    "amount": "¥128.50",
    "phone_number": "010-12345678",
    "car_number": "粤A12345",
    "number": "12",
    "letter": "ABC",
    "symbol": "***",
    "phrase": "已发货",
    "name": "李雷",
}
"""A value that WeChat accepts, for each type."""


def lint(fields: Sequence[TemplateField]) -> list[Hint]:
    """Errors first."""
    found = [hint for one in fields for hint in _of_field(one)]
    return sorted(found, key=lambda hint: not hint.is_error)


def _of_field(one: TemplateField) -> Iterator[Hint]:
    kind = field_type(one.key)
    literal = _VARIABLE.sub("", one.pattern)
    if not one.pattern.strip():
        yield Hint(
            one.key,
            "empty",
            N_("It has no pattern."),
            N_("Write a text or a variable."),
            is_error=True,
        )
        return
    try:
        parsed = parse_pattern(one.key, one.pattern)
    except PatternError as error:
        yield Hint(one.key, "pattern", error.text, N_("Mend the braces."), is_error=True)
        return
    if not one.label:
        yield Hint(
            one.key,
            "no_label",
            N_("The line has no label: the person sees a bare value."),
            N_("Add a label at WeChat, or words to the pattern."),
        )
    yield from _of_literal(one, kind, literal)
    yield from _of_sample(one)
    if kind in FREE_TEXT and parsed.names and one.overflow == Overflow.REJECT:
        yield Hint(
            one.key,
            "may_be_too_long",
            N_("A longer value is refused: %(limit)d characters at most."),
            N_("Let it be shortened, if the service cannot promise the length."),
            {"limit": TYPES[kind].limit},
        )


def _of_literal(one: TemplateField, kind: str | None, literal: str) -> Iterator[Hint]:
    """What the pattern's own words do already, whatever the variables are."""
    if kind is None or kind == "history" or not literal.strip():
        return
    limit = limit_of(kind, literal)
    if limit is not None and units(literal) >= limit:
        yield Hint(
            one.key,
            "too_long",
            N_("The pattern's own words have %(length)d characters of the %(limit)d allowed."),
            N_("Shorten them."),
            {"length": units(literal), "limit": limit},
            is_error=True,
        )
    if "\n" in literal:
        yield Hint(
            one.key,
            "has_line_break",
            N_("Line breaks are not allowed here."),
            N_("Write it in one line."),
            is_error=True,
        )
    if _EMOJI.search(literal):
        yield Hint(
            one.key,
            "has_emoji",
            N_("How WeChat counts an emoji is not documented; some phones do not show it."),
            N_("Leave it out."),
        )
    if kind == "character_string" and (problem := compile_rule(one.key)(literal.strip())):
        yield Hint(
            one.key, problem.code, problem.message, N_("Take out the Chinese words."), is_error=True
        )


def _of_sample(one: TemplateField) -> Iterator[Hint]:
    kind = field_type(one.key)
    if not one.sample:
        yield Hint(
            one.key,
            "no_sample",
            N_("It has no sample: nobody sees in the preview whether it fits."),
            N_("Write a value such as %(example)s."),
            {"example": one.enum_values[0] if one.enum_values else EXAMPLES.get(kind or "", "…")},
        )
    elif problem := compile_rule(one.key, tuple(one.enum_values))(one.sample):
        yield Hint(
            one.key,
            problem.code,
            problem.message,
            N_("Mend the sample: a value such as %(example)s is accepted."),
            {**problem.params, "example": EXAMPLES.get(kind or "", "…")},
            is_error=True,
        )
