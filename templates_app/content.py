"""Reads the `content` of a WeChat template into its fields. Pure; called by the template import.

The shape is that of the official page "get_all_private_template": lines of `label:{{key.DATA}}`.
"""

import re
from dataclasses import dataclass

from templates_app.fields import field_type

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_0-9]+)\.DATA\s*\}\}")


@dataclass(frozen=True, slots=True)
class ContentField:
    """One placeholder: its key, the text before it ("" for none), and its type (see `fields`)."""

    key: str
    label: str
    type: str | None


def parse_content(content: str) -> tuple[ContentField, ...]:
    """Return the fields in the order of the card; a repeated key counts once, the first time."""
    fields: dict[str, ContentField] = {}
    for line in content.splitlines():
        start = 0
        for found in _PLACEHOLDER.finditer(line):
            label = line[start : found.start()].strip().rstrip(":：").strip()
            fields.setdefault(found[1], ContentField(found[1], label, field_type(found[1])))
            start = found.end()
    return tuple(fields.values())
