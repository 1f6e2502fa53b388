"""The columns of an uploaded audience: who is meant, and the template's variables."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_noop

from notifier.recipients.directory import Address
from notifier.recipients.imports.columns import HEADERS, OURS, cell_at, plain
from notifier.recipients.imports.problems import Unreadable
from templates_app.compiled import published
from templates_app.models import TemplateVersion

ADDRESSES: dict[str, str] = {
    "openid": "openid",
    "user_id": "user",
    "phone": "phone",
    "unionid": "unionid",
}
"""Our column -> the part of an Address. A row's first cell of these that is filled counts."""

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which cell is what: both map to its place in the row."""

    addresses: dict[str, int]
    variables: dict[str, int]
    ignored: list[str]

    def address(self, cells: Sequence[str]) -> Address:
        for part, place in self.addresses.items():
            if text := cell_at(cells, place):
                return Address(**{part: text})
        return Address()

    def data(self, cells: Sequence[str]) -> dict[str, str]:
        """Empty cells say nothing: the campaign's own value holds."""
        found = {name: cell_at(cells, place) for name, place in self.variables.items()}
        return {name: text for name, text in found.items() if text}


def match(headers: Sequence[str], version: TemplateVersion) -> Columns:
    """Raises Unreadable where nobody is named, or something twice."""
    variables = headers_of(version)
    addresses = {plain(one): part for column, part in ADDRESSES.items() for one in HEADERS[column]}
    places: dict[str, dict[str, int]] = {"addresses": {}, "variables": {}}
    ignored = []
    for place, header in enumerate(headers):
        known = plain(header)
        # A variable first: a template may well have one that is called phone.
        kind, name = "variables", variables.get(known)
        if name is None:
            kind, name = "addresses", addresses.get(known)
        if name is None:
            ignored += [header.strip()[:50]] if known and known not in OURS else []
        elif name in places[kind]:
            raise Unreadable(
                gettext_noop("Two columns mean the same: “%(one)s” and “%(other)s”. Remove one."),
                one=headers[places[kind][name]].strip(),
                other=header.strip(),
            )
        else:
            places[kind][name] = place
    if not places["addresses"]:
        raise Unreadable(
            gettext_noop(
                "No column says who gets the message. Name one of them openid, user_id, phone or "
                "unionid; the file has: %(headers)s."
            ),
            headers=", ".join(one.strip()[:50] for one in headers if one.strip())[:300] or "-",
        )
    named = places["addresses"]
    ordered = {part: named[part] for part in ADDRESSES.values() if part in named}
    return Columns(ordered, places["variables"], ignored)


def headers_of(version: TemplateVersion) -> dict[str, str]:
    """Header -> variable: its name, or the label of a field that is the variable alone."""
    found = {
        plain(field.label): _VARIABLE.findall(field.pattern)[0]
        for field in version.fields.all()
        if field.label and _VARIABLE.fullmatch(field.pattern)
    }
    return found | {plain(name): name for name in published(version.pk).variables}


def labels_of(version: TemplateVersion, variable: str) -> list[str]:
    """Of the fields that show it, also among other text; a field without a label by its key."""
    fields = version.fields.all()
    shown = [field for field in fields if variable in _VARIABLE.findall(field.pattern)]
    return [field.label or field.key for field in shown]
