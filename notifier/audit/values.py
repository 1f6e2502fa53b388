"""Rows and their fields as the audit trail holds them: as JSON's values, without secrets."""

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Field, Model

from notifier.audit.watched import Watched, is_hidden, is_ignored, rules
from notifier.models import masked_openid

Values = dict[str, Any]
SECRET = "[secret]"  # noqa: S105 - stands in a secret's place
EMPTY: tuple[Any, ...] = (None, "", [], {})
MOST = 10_000
"""Characters of one value: a longer one is cut, and says how long it was."""


def columns(model: type[Model], rule: Watched) -> "list[Field[Any, Any]]":
    return [one for one in model._meta.concrete_fields if not is_ignored(rule, one)]


def difference(before: Model | None, after: Model | None) -> tuple[Values, Values]:
    """(before, after) of the fields that differ; of a row that is added or removed, of those that
    hold something."""
    row = after or before
    if row is None:
        return {}, {}
    model = type(row)
    rule = rules()[model]
    old: Values = {}
    new: Values = {}
    for column in columns(model, rule):
        was = getattr(before, column.attname) if before else None
        now = getattr(after, column.attname) if after else None
        if was == now or (was in EMPTY and now in EMPTY):
            continue
        if before:
            old[column.name] = shown(rule, column, was)
        if after:
            new[column.name] = shown(rule, column, now)
    return old, new


def shown(rule: Watched, column: "Field[Any, Any]", value: Any) -> Any:
    if value is None or value == "":
        return value
    if is_hidden(column):
        return SECRET
    if column.name in rule.masked:
        return dict.fromkeys(value, "…") if isinstance(value, dict) else masked(str(value))
    if column.remote_field:
        return _related(column, value)
    return plain(value)


def plain(value: Any) -> Any:
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    text = str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}… ({len(text)})"


def masked(text: str) -> str:
    """Enough to see that it is another one, too little to know or to reach the person."""
    name, at, domain = text.rpartition("@")
    if at:
        return f"{name[:1]}…@{domain}"
    return masked_openid(text) if len(text) >= 20 else f"{text[:1]}…"


def name_of(row: Model) -> str:
    """The same in every language: it is stored."""
    rule = rules().get(type(row))
    if isinstance(row, Permission):
        app = ContentType.objects.get_for_id(row.content_type_id).app_label
        return f"{app}.{row.codename}"
    return rule.name(row) if rule else str(row)


def names(rows: Iterable[Model]) -> list[str]:
    return sorted(name_of(row) for row in rows)


def _related(column: "Field[Any, Any]", pk: Any) -> str:
    model: Any = column.related_model
    row = model._base_manager.filter(pk=pk).first()
    return f"{name_of(row)} (#{pk})" if row else f"#{pk}"
