"""An audit entry in plain words: names of fields, values as the forms show them, what differs."""

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_noop

from notifier.audit.values import SECRET
from notifier.models import Action, ActorKind, AuditEntry
from templates_app.admin.reasons import reason_in_words

NO_FIELDS: dict[str, str] = {
    "rows": gettext_noop("rows"),
    "fields": gettext_noop("fields"),
    "answer": gettext_noop("WeChat's answer"),
    "recipient": gettext_noop("recipient"),
    "format": gettext_noop("format"),
    "filters": gettext_noop("filters"),
    "type": gettext_noop("event"),
    "which": gettext_noop("Which"),
    "bad": gettext_noop("wrong"),
    "warn": gettext_noop("to look at"),
    "profile": gettext_noop("profile"),
    "seconds": gettext_noop("seconds"),
    "since": gettext_noop("From"),
    "until": gettext_noop("Until"),
}
"""What entries tell that is no field of a model."""
COLOURS: dict[str, str] = dict.fromkeys(Action.values, "") | {
    Action.ADD.value: "success",
    Action.PUBLISH.value: "success",
    Action.DELETE.value: "danger",
    Action.REVOKE.value: "danger",
    Action.HOLD.value: "danger",
    Action.LOGIN_FAILED.value: "danger",
    Action.LOCKED_OUT.value: "danger",
    Action.SECOND_FACTOR_FAILED.value: "danger",
    Action.REMOVE_FACTOR.value: "danger",
    Action.CHANGE.value: "info",
    Action.EXPORT.value: "warning",
}
LONGEST = 5000
"""Characters that are compared letter by letter; longer texts stand side by side."""
ALIKE = 0.4
_WORDS = re.compile(r"[A-Za-z0-9_]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One field: how it was and how it became."""

    label: str
    before: list[Part]
    after: list[Part]
    note: str = ""


def action_in_words(action: str) -> str:
    return str(Action(action).label) if action in Action else action


def kind_in_words(kind: str) -> str:
    return str(ActorKind(kind).label) if kind in ActorKind else kind


def type_in_words(object_type: str) -> str:
    model = _model(object_type)
    return str(capfirst(str(model._meta.verbose_name))) if model else object_type


def fields_in_words(entry: AuditEntry) -> str:
    """The names of what changed, for the list."""
    if "{}" in (entry.before, entry.after):
        return ""
    comma = gettext(", ")
    return comma.join(label_of(entry.object_type, name) for name in _names(entry))


def label_of(object_type: str, name: str) -> str:
    field = _field(object_type, name)
    label = getattr(field, "verbose_name", None)
    if label is None and (related := getattr(field, "related_model", None)):
        label = related._meta.verbose_name_plural
    return str(label or gettext(NO_FIELDS.get(name, name)))


def lines(entry: AuditEntry) -> list[Line]:
    before, after = values(entry.before), values(entry.after)
    return [_line(entry, name, before, after) for name in _names(entry)]


def values(text: str) -> dict[str, Any]:
    """Of a row that was tampered with too, which may be no JSON any more."""
    try:
        found = json.loads(text)
    except ValueError:
        return {"?": text}
    return found if isinstance(found, dict) else {"?": found}


def _names(entry: AuditEntry) -> list[str]:
    return list(values(entry.before) | values(entry.after))


def _line(entry: AuditEntry, name: str, before: dict[str, Any], after: dict[str, Any]) -> Line:
    label = label_of(entry.object_type, name)
    was, now = before.get(name), after.get(name)
    if SECRET in (was, now):
        note = gettext("Changed. Secrets are not written down.") if before and after else ""
        return Line(label, [*_secret(was)], [*_secret(now)], note)
    if isinstance(was, list) and isinstance(now, list):
        return Line(label, [*_items(was, now)], [*_items(now, was)])
    field = _field(entry.object_type, name)
    old, new = value_in_words(field, was), value_in_words(field, now)
    if was is not None and was == now:
        return Line(label, [Part(old, True)], [Part(new, True)], gettext("Changed; shown masked."))
    if not (before and after):
        return Line(label, [Part(old, False)] if old else [], [Part(new, False)] if new else [])
    if not (old and new):
        return Line(label, [Part(old, True)] if old else [], [Part(new, True)] if new else [])
    if old.split() == new.split():
        return Line(
            label, [Part(old, False)], [Part(new, False)], gettext("Only blanks or breaks.")
        )
    return Line(label, *_compared(old, new))


def value_in_words(field: Any, value: Any) -> str:
    if value is None or value == "":
        return ""
    if field is None and isinstance(value, str):
        return reason_in_words(value)
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, list):
        return "\n".join(value_in_words(field, one) for one in value)
    if isinstance(value, dict):
        return "\n".join(f"{key}: {value_in_words(None, one)}" for key, one in value.items())
    choices = dict(getattr(field, "flatchoices", ()))
    if value in choices:
        return str(choices[value])
    if field is not None and isinstance(value, str) and (moment := _moment(value)):
        return moment
    return str(value)


def _moment(value: str) -> str:
    try:
        parsed = parse_datetime(value)
    except ValueError:
        return ""
    if parsed is None or timezone.is_naive(parsed):
        return ""
    return formats.date_format(timezone.localtime(parsed), "Y-m-d H:i:s")


def _secret(value: Any) -> Iterator[Part]:
    if value == SECRET:
        yield Part(gettext("stored"), False)


def _items(these: list[Any], others: list[Any]) -> Iterator[Part]:
    """A list's items, a line each; those that the other list lacks are marked."""
    for item in these:
        yield Part(f"{item}\n", item not in others)


def _compared(old: str, new: str) -> tuple[list[Part], list[Part]]:
    """What differs is marked, unless nearly everything does."""
    was, now = _WORDS.findall(old), _WORDS.findall(new)
    whole = [Part(old, True)], [Part(new, True)]
    if max(len(old), len(new)) > LONGEST:
        return whole
    matcher = difflib.SequenceMatcher(None, was, now, autojunk=False)
    if matcher.ratio() < ALIKE:
        return whole
    before: list[Part] = []
    after: list[Part] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        before += [Part("".join(was[a:b]), kind != "equal")] if b > a else []
        after += [Part("".join(now[c:d]), kind != "equal")] if d > c else []
    return before, after


@lru_cache(maxsize=100)
def _model(object_type: str) -> type[Model] | None:
    try:
        return apps.get_model(object_type)
    except (LookupError, ValueError):  # a model of another version of Hongyan
        return None


def _field(object_type: str, name: str) -> "Field[Any, Any] | Any":
    model = _model(object_type)
    try:
        return model._meta.get_field(name.removesuffix("_set")) if model else None
    except FieldDoesNotExist:
        return None
