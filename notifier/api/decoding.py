"""What msgspec says of a body that it refuses, as a fault: which field, what may be there."""

import re
from functools import cache
from typing import Any

import msgspec.inspect as shapes

from notifier.intake.errors import Fault

# PostgreSQL cannot store NUL.
NO_NUL = r"^[^\x00]*\Z"
LINK = r"^https?://[^\s\x00-\x1f\x7f]+\Z"
NO_SPACE = r"^[^\s\x00-\x1f\x7f]*\Z"
IN_WORDS = {
    NO_NUL: "The character NUL is not allowed",
    LINK: "Expected an address without spaces that begins with http:// or https://",
    NO_SPACE: "Spaces and control characters are not allowed",
}

_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_MATCHING = re.compile(r"Expected `str` matching regex (?P<regex>.*)", re.DOTALL)
_PATTERNS = {repr(pattern): words for pattern, words in IN_WORDS.items()}
_NAMED = re.compile(r"(?:unknown|required) field `(?P<name>.*)`", re.DOTALL)
_NO_CHOICE = "Invalid enum value"


def fault_of(text: str, shape: Any) -> Fault:
    """msgspec says: Expected `str`, got `int` - at `$.to.openid`. `shape`: the type decoded."""
    path = _PATH.search(text)
    pointer = re.sub(r"[.\[]", "/", path["path"].replace("[...]", "")) if path else ""
    pointer = pointer.replace("]", "")
    message = _PATH.sub("", text)
    if pattern := _MATCHING.fullmatch(message):
        message = _PATTERNS.get(pattern["regex"], message)
    if message.startswith(_NO_CHOICE) and (choices := _choices(shape, pointer)):
        message = f"{message}: there are {', '.join(choices)}"
    if named := _NAMED.search(message):
        code = "unknown_field" if "unknown" in message else "missing_field"
        return Fault(f"{pointer}/{escaped(named['name'])}", code, f"{message}.")
    return Fault(pointer, "invalid_value", f"{message}.")


def escaped(name: Any) -> str:
    """A part of a JSON pointer (RFC 6901)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def _choices(shape: Any, pointer: str) -> list[str]:
    """The values that a field may have, if they are few."""
    found = [_inspected(shape)]
    for part in pointer.split("/")[1:]:
        found = [inner for one in found for inner in _inside(one, part)]
    literals = [one for each in found for one in _either(each)]
    return [str(v) for one in literals if isinstance(one, shapes.LiteralType) for v in one.values]


@cache
def _inspected(shape: Any) -> shapes.Type:
    return shapes.type_info(shape)


def _inside(shape: shapes.Type, part: str) -> list[shapes.Type]:
    found: list[shapes.Type] = []
    for one in _either(shape):
        if isinstance(one, shapes.StructType):
            found += [field.type for field in one.fields if field.encode_name == part]
        elif isinstance(one, shapes.ListType):
            found.append(one.item_type)
    return found


def _either(shape: shapes.Type) -> list[shapes.Type]:
    if isinstance(shape, shapes.Metadata):
        shape = shape.type
    return list(shape.types) if isinstance(shape, shapes.UnionType) else [shape]
