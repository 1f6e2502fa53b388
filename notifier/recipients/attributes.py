"""What services keep of a person beside our own columns: names, each with a text, a number or a
boolean."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from notifier.recipients.imports.columns import Wrong

MOST, MOST_BYTES = 50, 4096
NAME = re.compile(r"[^\W\d][\w .:-]{0,63}")
"""No number: both databases take one in a path for the place in a list."""
MOST_NUMBER = 10**15
"""Up to here every program reads the number that was written."""
BAD_NAME = (
    "is no name of an attribute: it has 1 to 64 letters, digits, blanks, - _ . and :, and begins "
    "with a letter or _"
)


def check(given: Mapping[str, Any]) -> None:
    """Raises Wrong with the param `attribute`: which of them."""
    for name, value in given.items():
        if not NAME.fullmatch(name):
            raise Wrong(BAD_NAME, attribute=name)
        if not isinstance(value, str | int | float | None):
            raise Wrong("is neither text, number, boolean nor null", attribute=name)
        if isinstance(value, int | float) and abs(value) >= MOST_NUMBER:
            raise Wrong("is a number of more than 15 digits; write it as text", attribute=name)
        if isinstance(value, str) and "\0" in value:
            raise Wrong("holds the character NUL, which is no text", attribute=name)


def merged(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Given names are set, null removes one, others stay. Raises Wrong: it becomes too much."""
    found = {name: value for name, value in {**stored, **given}.items() if value is not None}
    if len(found) > MOST:
        raise Wrong("would be %(count)d; at most %(limit)d", count=len(found), limit=MOST)
    if (size := len(orjson.dumps(found))) > MOST_BYTES:
        text = "would be %(count)d bytes as JSON; at most %(limit)d"
        raise Wrong(text, count=size, limit=MOST_BYTES)
    return found


def is_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Python takes true for 1."""
    return one is other or as_json(one) == as_json(other)


def as_json(attributes: Mapping[str, Any]) -> str:
    return orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS).decode()


def meant(text: str) -> list[Any]:
    """The values that a person who writes it may mean: 42 is a text or a number."""
    found: list[Any] = [text]
    with suppress(orjson.JSONDecodeError):
        value = orjson.loads(text.lower())
        found += [value] if isinstance(value, int | float) else []
    return found


def in_words(attributes: Mapping[str, Any], in_full: bool = True) -> str:
    """A line each: `city: 杭州`, or `city: ***`."""
    return "\n".join(
        f"{name}: {_value(value) if in_full else '***'}"
        for name, value in sorted(attributes.items())
    )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
