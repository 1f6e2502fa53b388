"""The value types of template keywords and what WeChat lets pass for each.

Source: wechat-api section 2.2 (参数值内容限制).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_0-9]+)\.DATA\s*\}\}")
HISTORY_KEY = re.compile(r"first|remark|keyword\d+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")

_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CJK = _HAN + "\u2e80-\u33ff\uac00-\ud7af"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_CLOCK = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?"
_FULL_DATE = rf"(?:\d{{4}}年{_MONTH}月{_DAY}日|\d{{4}}([-/.]){_MONTH}\1{_DAY})"
_ANY_DATE = (
    rf"(?:\d{{4}}年{_MONTH}月(?:{_DAY}日)?|{_MONTH}月{_DAY}日"
    rf"|\d{{4}}[-/.]{_MONTH}(?:[-/.]{_DAY})?|{_MONTH}[-/.]{_DAY})"
)
_TIME_POINT = rf"(?:{_ANY_DATE}(?: ?{_CLOCK})?|{_CLOCK})"
_DATE_POINT = _FULL_DATE.replace(r"([-/.])", "[-/.]").replace(r"\1", "[-/.]") + rf"(?: ?{_CLOCK})?"
_SYMBOL = r"!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e\u3000-\u303f\uff01-\uff0f"

_PATTERNS: dict[str, tuple[str, int]] = {
    "thing": (r".+", 20),
    "short_thing": (r".+", 10),
    "character_string": (rf"[^{_CJK}]+", 32),
    "time": (rf"{_TIME_POINT}(?: ?~ ?{_TIME_POINT})?", 64),
    "date": (rf"{_DATE_POINT}(?: ?~ ?(?:{_DATE_POINT}|{_CLOCK}))?", 64),
    "amount": (r"[¥￥$€£₩₽₹฿]?\d{1,10}(?:\.\d+)?元?", 32),
    "phone_number": (rf"[\d {_SYMBOL}]+", 17),
    "car_number": (rf"[{_HAN}A-Za-z0-9](?:[A-Za-z0-9]*[{_HAN}A-Za-z0-9])?", 8),
    "const": (r".+", 20),
    "enum": (r".+", 64),
    "phrase": (rf"[{_HAN}]+", 5),
    "number": (r"[+-]?\d+(?:\.\d+)?", 32),
    "letter": (r"[A-Za-z]+", 32),
    "symbol": (rf"[{_SYMBOL}]+", 5),
    "name": (rf"[{_HAN}A-Za-z·. {_SYMBOL}]+", 20),
}
_TYPED_KEY = re.compile(rf"({'|'.join(sorted(_PATTERNS, key=len, reverse=True))})\d+")
_HAS_HAN = re.compile(f"[{_HAN}]")


@dataclass(frozen=True, slots=True)
class Keyword:
    """One placeholder of a template; `rule` is None where the platform checks nothing."""

    key: str
    label: str
    rule: Callable[[str], bool] | None


def _rule(kind: str) -> Callable[[str], bool]:
    text, limit = _PATTERNS[kind]
    fullmatch = re.compile(text).fullmatch

    def allowed(value: str) -> bool:
        # An astral character counts 2 here: the stricter of the two counts seen.
        length = len(value) if value.isascii() else len(value.encode("utf-16-le")) // 2
        most = 10 if kind == "name" and _HAS_HAN.search(value) else limit
        return length <= most and not _CONTROL.search(value) and fullmatch(value) is not None

    return allowed


_RULES: dict[str, Callable[[str], bool]] = {kind: _rule(kind) for kind in _PATTERNS}


def keywords(content: str) -> tuple[Keyword, ...]:
    """The placeholders of a template's content, with the label that stands before each."""
    found: dict[str, Keyword] = {}
    for line in content.splitlines():
        start = 0
        for match in PLACEHOLDER.finditer(line):
            label = line[start : match.start()].strip().rstrip(":：").strip()
            start = match.end()
            typed = _TYPED_KEY.fullmatch(match[1])
            found[match[1]] = Keyword(match[1], label, _RULES[typed[1]] if typed else None)
    return tuple(found.values())


def complaint(keyword: Keyword, given: object, choices: list[str] | None) -> str:
    """The 47003 text for a value that breaks its rule, or nothing."""
    if keyword.rule is None:
        return ""
    value = given.get("value") if isinstance(given, dict) else None
    text = "" if value is None else str(value)
    if not text.strip():
        return f"argument invalid! data.{keyword.key}.value is empty"
    if not keyword.rule(text) or (choices is not None and text not in choices):
        return f"argument invalid! data.{keyword.key}.value invalid"
    return ""
