"""WeChat's value types (thing, time, amount ...) and their rules, compiled once per version.

Pure. Used by rendering, the template pages and the lint. Source of the rules: the official pages
"Template message" and "Subscription notification" (parameter value limits); a violation is 47003.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Rule = Callable[[str], "Problem | None"]


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for the message catalogue."""
    return text


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value is refused: a stable code, an English msgid with placeholders, their values."""

    code: str
    message: str
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message in English."""
        return self.message % self.params


@dataclass(frozen=True, slots=True)
class ValueType:
    """One type: its meaning, its limit in characters, and the shape a value must have."""

    meaning: str
    limit: int | None
    shape: str
    wrong: Problem


# The limit of short_thing is documented nowhere; templates with about 10 characters work. Raise it
# here when an account proves that more is accepted.
SHORT_THING_LIMIT = 10
FOLD_AT = 20  # history templates: longer middle fields are folded, without an error
ELLIPSIS = "…"

_LINE_BREAK = re.compile(r"[\r\n\v\f\x85\u2028\u2029]")
_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_INVISIBLE = re.compile(f"[{_CONTROL}]")
# No rule of WeChat's, but these can neither be stored by PostgreSQL nor written as UTF-8.
_NEVER = "\x00\ud800-\udfff"
_UNSTORABLE = re.compile(f"[{_NEVER}]")
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
# Whether WeChat counts full-width punctuation as Chinese is unknown: refuse it, as a wrong yes
# costs the message.
_WIDE = "\u3000-\u303f\uff00-\uffef"
_HAS_HAN = re.compile(f"[{_HAN}]")
_ANY = f"[^{_CONTROL}]+"

_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
_MONTH, _DAY = r"(?:1[0-2]|0?[1-9])", r"(?:3[01]|[12][0-9]|0?[1-9])"
_DATE = rf"[0-9]{{4}}(?:-{_MONTH}(?:-{_DAY})?|年{_MONTH}月(?:{_DAY}日)?|/{_MONTH}(?:/{_DAY})?"
_DATE += rf"|\.{_MONTH}(?:\.{_DAY})?)|{_MONTH}(?:月{_DAY}日|[-/.]{_DAY})"
_MOMENT = f"(?:{_DATE})(?: ?{_CLOCK})?"
_UNTIL = f"(?: ?~ ?(?:{_MOMENT}|{_CLOCK}))?"

_TOO_LONG = N_("At most %(limit)s characters are allowed; this has %(length)s.")
_EMPTY = Problem("empty", N_("The value is empty."))
_BREAKS = Problem("has_line_break", N_("Line breaks are not allowed here."))
_CONTROLS = Problem("has_control_character", N_("Invisible control characters are not allowed."))
_CHINESE = Problem(
    "has_chinese", N_("Only digits, letters and symbols are allowed, no Chinese characters.")
)
_NOT_CHINESE = Problem(
    "not_chinese", N_("Only Chinese characters are allowed, no digits, letters or symbols.")
)
_NOT_IN_ENUM = N_("Only one of these values is allowed: %(values)s.")
_NO_TIME = Problem("wrong_time", N_("Not a time such as 15:01, 2026-10-01 15:01 or 15:01~16:30."))
_NO_DATE = Problem("wrong_date", N_("Not a date such as 2026-10-01 or 2026年10月1日 15:01."))
_AMOUNT = Problem(
    "wrong_amount", N_("Not an amount such as ¥128.50 or 128.5元: at most 10 digits, no commas.")
)
_PHONE = Problem("wrong_phone_number", N_("A phone number has digits and symbols only."))
_PLATE = Problem(
    "wrong_car_number",
    N_("Only the first and last character of a plate may be Chinese; the rest letters and digits."),
)
_NUMBER = Problem("wrong_number", N_("Not a number of at most 32 digits, such as 12 or 3.5."))
_LETTERS = Problem("not_letters", N_("Only the letters A to Z are allowed."))
_SYMBOLS = Problem("not_symbols", N_("Only symbols are allowed."))
_NAME = Problem("wrong_name", N_("A name has Chinese characters, letters and symbols only."))

# Whether the decimals count towards the 10 digits of an amount is unknown: they do not, here.
# `symbol` and `name` take any symbol: what is no word character, or "_".
TYPES: dict[str, ValueType] = {
    "thing": ValueType(N_("Text"), 20, _ANY, _CONTROLS),
    "short_thing": ValueType(N_("Short text"), SHORT_THING_LIMIT, _ANY, _CONTROLS),
    "character_string": ValueType(
        N_("Digits, letters or symbols"), 32, f"[^{_CONTROL}{_HAN}{_WIDE}]+", _CHINESE
    ),
    "time": ValueType(N_("Time"), None, f"(?:{_MOMENT}|{_CLOCK}){_UNTIL}", _NO_TIME),
    "date": ValueType(N_("Date"), None, f"(?:{_MOMENT}){_UNTIL}", _NO_DATE),
    "amount": ValueType(
        N_("Amount of money"),
        None,
        r"[¥￥$＄€£￡₩₽₹₫฿₱₴₺₪]?[0-9]{1,10}(?:\.[0-9]{1,10})?元?",
        _AMOUNT,
    ),
    "phone_number": ValueType(N_("Phone number"), 17, r"(?=.*[0-9])[ -@\[-`{-~]+", _PHONE),
    "car_number": ValueType(
        N_("Licence plate"), 8, f"[{_HAN}A-Za-z0-9](?:[A-Za-z0-9]*[{_HAN}A-Za-z0-9])?", _PLATE
    ),
    "number": ValueType(N_("Number"), None, r"(?!(?:\.?[0-9]){33})[0-9]+(?:\.[0-9]+)?", _NUMBER),
    "letter": ValueType(N_("Letters"), 32, "[A-Za-z]+", _LETTERS),
    "symbol": ValueType(N_("Symbols"), 5, f"(?:[^\\w\\s{_CONTROL}]|_)+", _SYMBOLS),
    "phrase": ValueType(N_("Chinese phrase"), 5, f"[{_HAN}]+", _NOT_CHINESE),
    "name": ValueType(N_("Name"), 20, f"(?:[^\\d{_CONTROL}])+", _NAME),
    "const": ValueType(N_("Approved value"), 20, _ANY, _CONTROLS),
    "enum": ValueType(N_("Value from a list"), None, _ANY, _CONTROLS),
}
LISTED = frozenset({"const", "enum"})
"""Types whose values WeChat knows beforehand, so that a field may list them."""
UNSEEN = frozenset({"first", "remark"})  # history keys that WeChat no longer shows
_KEY = re.compile(r"([a-z_]+?)\d+")
_HISTORY_KEY = re.compile(r"first|remark|keyword\d+")


def field_type(key: str) -> str | None:
    """Return the type of a template's key: "thing3" -> "thing", "keyword1" -> "history".

    None for free-form keys, such as those of a test account, which WeChat does not check.
    """
    if _HISTORY_KEY.fullmatch(key):
        return "history"
    found = _KEY.fullmatch(key)
    return found[1] if found and found[1] in TYPES else None


def units(text: str) -> int:
    """Return the length in UTF-16 code units, never less than in code points.

    How WeChat counts an emoji is unknown: this is the larger of the two counts.
    """
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def limit_of(kind: str, value: str) -> int | None:
    """Return how many characters this value may have; a name with Chinese in it only 10."""
    if kind == "name" and _HAS_HAN.search(value):
        return 10
    return FOLD_AT if kind == "history" else TYPES[kind].limit


def compile_rule(key: str, enum_values: tuple[str, ...] = ()) -> Rule:
    """Return the check of one key's values: None for a good value, otherwise the Problem."""
    accepts, diagnose = compile_accepts(key, enum_values), compile_diagnosis(key, enum_values)
    return lambda value: None if accepts(value) else diagnose(value)


def compile_accepts(key: str, enum_values: tuple[str, ...] = ()) -> Callable[[str], object]:
    """Return the fast path: truthy means good, falsy means that the diagnosis must decide."""
    kind = field_type(key)
    if kind is None or kind == "history":
        blank_is_good = kind is None or key in UNSEEN
        first = "" if blank_is_good else f"\\s*[^\\s{_NEVER}]"
        return re.compile(f"{first}[^{_NEVER}]*").fullmatch
    if enum_values and kind in LISTED:
        return frozenset(v for v in enum_values if compile_rule(key)(v) is None).__contains__
    of_type = TYPES[kind]
    limit = 10 if kind == "name" else of_type.limit
    # Within the BMP one code point is one UTF-16 unit; anything beyond goes to the diagnosis.
    size = rf"(?=\S[\x01-\uffff]{{0,{limit - 1}}}\Z)" if limit else ""
    return re.compile(size + of_type.shape).fullmatch


def compile_diagnosis(key: str, enum_values: tuple[str, ...] = ()) -> Rule:
    """Return the exact check, which the fast path may skip."""
    kind = field_type(key)
    if kind is None or kind == "history":
        return lambda value: _diagnose_untyped(value, kind is None or key in UNSEEN)
    shape = re.compile(TYPES[kind].shape).fullmatch
    listed = enum_values if kind in LISTED else ()

    def diagnose(value: str) -> Problem | None:
        if problem := _diagnose_typed(kind, value):
            return problem
        if listed and value not in listed:
            return Problem("not_in_enum", _NOT_IN_ENUM, {"values": ", ".join(listed)})
        return None if shape(value) else TYPES[kind].wrong

    return diagnose


def shorten(key: str, value: str) -> str:
    """Cut a value to its type's limit, with "…" as the last character; history keys at 20.

    Counted in UTF-16 units. An emoji sequence or a letter with its accents is never torn apart.
    """
    kind = field_type(key)
    limit = limit_of(kind, value) if kind else None
    if limit is None or units(value) <= limit:
        return value
    end = 0
    room = limit - units(ELLIPSIS)
    while (room := room - units(value[end])) >= 0:
        end += 1
    while end and (_joins(value[end]) or value[end - 1] == "\u200d"):
        end -= 1
    return value[:end].rstrip() + ELLIPSIS


def _joins(character: str) -> bool:
    """Tell whether a character belongs to the one before: accents, variation, skin tone, joiner."""
    return (
        unicodedata.category(character) in {"Mn", "Mc", "Me"}
        or character == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _diagnose_untyped(value: str, blank_is_good: bool) -> Problem | None:
    if _UNSTORABLE.search(value):
        return _CONTROLS
    return None if blank_is_good or value.strip() else _EMPTY


def _diagnose_typed(kind: str, value: str) -> Problem | None:
    if not value.strip():
        return _EMPTY
    if _LINE_BREAK.search(value):
        return _BREAKS
    if _INVISIBLE.search(value):
        return _CONTROLS
    limit = limit_of(kind, value)
    if limit is not None and units(value) > limit:
        return Problem("too_long", _TOO_LONG, {"limit": limit, "length": units(value)})
    return None
