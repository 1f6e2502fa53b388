"""Text without secrets, tokens, whole OpenIDs, phones, e-mail addresses or the values of rows: for
log lines, and for what RQ keeps of a job that failed."""

import re

from notifier.wechat.errors import REDACTED, redact

_HEX = "[0-9A-Fa-f]"
_ESCAPES = (rf"%{_HEX}{{2}}", r"\\[nrt]", rf"\\x{_HEX}{{2}}", rf"\\u{_HEX}{{4}}")


def _beginning(word: str, part: str, *behind: str) -> str:
    """`word` where another one does not go on: behind none of its letters, or behind an escape that
    ends in one, or one of `behind`. It is looked for first, and then what is before it: three times
    as fast."""
    before = (f"(?<!{part}{word})", *(f"(?<={one}{word})" for one in (*_ESCAPES, *behind)))
    return f"{word}(?:{'|'.join(before)})"


_PART = "[A-Za-z0-9_-]"
_OPENID = re.compile(
    f"({_beginning('o', _PART)}{_PART}{{3}}){_PART}{{20}}({_PART}{{4}})(?!{_PART})"
)
_KEY = re.compile(
    rf"((?i:Bearer|Basic)\s+|whsec_|{_beginning('hy_', '[A-Za-z0-9_]')}(?:test_)?)"
    r"[A-Za-z0-9._~+/=%-]{16,}"
)
"""What callers authenticate with, our own keys too; and what webhooks are signed with."""
_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/]+(?=@)")
"""Of an address such as DATABASE_URL's."""
_VALUES = re.compile(
    r"((?:\n|\\n)[ |]{0,40}(?!HINT)[^\sa-z:\\]{2,20}[ \u00a0]?:  )(?!Process \d).*?"
    r"(?=(?:\n|\\n){1,2}[ |]{0,40}(?:The above|During handling|Traceback \(most|HINT:)|\Z)",
    re.S,
)
"""libpq puts a row's values behind what is wrong with it (`DETAIL:  Failing row contains (…)`,
`CONTEXT:  …`; in other languages, too, in capitals or none, with two spaces). What waits for what
in a deadlock is no value."""
_VALUE = re.compile(r'(invalid input syntax for [^:"\n]{1,60}: |\bvalue )"[^"\n]*"')
"""In what PostgreSQL says is wrong, in English."""


_ALONE = "(?<![A-Za-z0-9_.-])"
_COUNTRY = (
    r"\+86",
    r"\+86-",
    r"\+86 ",
    "%2B86",
    *(f"{_ALONE}{one}" for one in ("86", "86-", "0086", "0086-")),
)
_PHONE = re.compile(
    f"({_beginning('1', '[A-Za-z0-9_.-]', *_COUNTRY)}[3-9][0-9])[ -]?[0-9]{{4}}[ -]?([0-9]{{4}})"
    "(?![A-Za-z0-9_-])"
)
_MAIL = re.compile(r"([\w+-])[\w.+-]{0,64}(@|%40)(?=[\w-]+\.\w)")


def clean(text: str) -> str:
    known = _VALUE.sub(rf"\1{REDACTED}", _VALUES.sub(rf"\1{REDACTED}", redact(text)))
    known = _PASSWORD.sub(rf"\1{REDACTED}", _KEY.sub(rf"\1{REDACTED}", known))
    known = _MAIL.sub(r"\1…\2", _PHONE.sub(r"\1****\2", known))
    return _OPENID.sub(r"\1…\2", known)
