"""What an answer of WeChat means, and the exceptions of the WeChat client. Everybody's import.

WeChatError
├── Unreachable    nothing was sent: DNS, connect or TLS failure
├── Ambiguous      may have been processed: read time-out, reset after the body, 5xx, no JSON
└── Refused        WeChat answered with an errcode
"""

import re

from notifier.wechat.errcodes import (
    TABLE,
    TOKEN_CALL,
    UNKNOWN_FIX,
    UNKNOWN_MEANING,
    ErrCode,
    Kind,
)

__all__ = [
    "Ambiguous",
    "ErrCode",
    "Kind",
    "NoTime",
    "NoToken",
    "NotYet",
    "Refused",
    "Unreachable",
    "WeChatError",
    "kind_of",
    "lookup",
    "lookup_token_call",
    "names_secret",
    "redact",
    "refused_ip",
    "split_rid",
    "token_error_kind",
]

REDACTED = "[redacted]"

_NAME = r"\w*(?:token|secret|aes_?key)"
"""access_token, appsecret, EncodingAESKey."""
_OWN_NAME = r"\w*(?:secret_key|encryption_keys?|password|passwd|session_?id)"
"""Hongyan's and Django's; of an environment, too, where a value has whatever marks."""
# `name=value` in URLs and forms, `"name": "value"` in JSON (also escaped) and Python dicts, and
# `"name", "value"` in tuples.
_BEFORE = (
    r"""\\?["']?\s*(?:=|:|%3D|(?<=["']),)\s*(?!\[redacted)"""
    r"""[\[(]?+(?:b(?=["']))?+(?P<escaped>\\)?["']?)(?!\[redacted)"""
)
_QUOTED = "|".join(
    rf"(?<={one})(?(escaped)[^{one}\\\n]+|(?:\\.|[^{one}\\\n])+)" for one in ('"', "'")
)
_SECRET = re.compile(
    rf"""(\b{_NAME}{_BEFORE}(?:{_QUOTED}|[^\s"'&<>,;()\[\]{{}}\\]+)""", re.IGNORECASE
)
_OWN = re.compile(
    rf"""(\b{_OWN_NAME}{_BEFORE}(?:(?:{_QUOTED})(?:["'],\s*b?["'][^"'\n]+)*|[^\s"']+)""",
    re.IGNORECASE,
)
_SECRETS_NAME = re.compile(
    rf"{_NAME}|{_OWN_NAME}|(?:proxy_)?authorization|(?:set_)?cookie", re.IGNORECASE
)
_URL = re.compile(r"https?://[^\s'\"<>]+", re.IGNORECASE)
_RID = re.compile(r"\brid: ?([\w-]+)\s*$")
_IP = re.compile(r"invalid ip ([0-9a-fA-F.:]+)")
_HINT = re.compile(r"\bhint: ?\[([^\]]*)\]\s*$")

# The token call itself: everything else (wrong secret, IP, frozen, quota of token calls used up,
# unknown) needs a person, and asking again would only burn the daily quota of token calls.
_TOKEN_CALL_RETRIES = frozenset({-1, 45011})


def known_codes() -> list[int]:
    """All errcodes of the table, in order."""
    return sorted(TABLE)


def lookup(code: int) -> ErrCode:
    """Return the table's row of an errcode; a code without a row gets UNKNOWN_CODE."""
    known = TABLE.get(code)
    return known or ErrCode(code, Kind.UNKNOWN_CODE, UNKNOWN_MEANING, UNKNOWN_FIX)


def lookup_token_call(code: int) -> ErrCode:
    """Return what an errcode of the token call itself (token, stable_token) means."""
    return TOKEN_CALL.get(code) or lookup(code)


def kind_of(code: int) -> Kind:
    """Return what to do about the errcode of a business call such as template/send."""
    return lookup(code).kind


def token_error_kind(code: int) -> Kind:
    """Return RETRY or ACCOUNT for the errcode of a token call (token, stable_token).

    40001 means a wrong secret here, not an old token (official page getAccessToken).
    """
    return Kind.RETRY if code in _TOKEN_CALL_RETRIES else Kind.ACCOUNT


def split_rid(errmsg: str) -> tuple[str, str]:
    """Split WeChat's request id off: `"invalid appid rid: 6-a"` -> `("invalid appid", "6-a")`.

    Also understands `, rid:` and the older `hint: [..]`; the id is "" when there is none.
    """
    rid = ""
    for tail in (_RID, _HINT):
        if found := tail.search(errmsg):
            errmsg, rid = errmsg[: found.start()].rstrip(" ,"), rid or found[1]
    return errmsg.strip(), rid


def refused_ip(errmsg: str) -> str:
    """Return the address that 40164 names, as WeChat sees it; "" when there is none."""
    found = _IP.search(errmsg)
    return found[1] if found else ""


def names_secret(name: str) -> bool:
    """Whether what has this name is a secret."""
    return _SECRETS_NAME.fullmatch(name) is not None


def redact(text: str) -> str:
    """Replace tokens, secrets and AES keys in URLs, forms and JSON by "[redacted]"."""
    return _OWN.sub(rf"\1{REDACTED}", _SECRET.sub(rf"\1{REDACTED}", text))


class WeChatError(Exception):
    """A call to WeChat without a usable result; `kind` says what to do.

    The text is cleaned of URLs, tokens and secrets. Raise it `from None`: the cause of a failed
    `requests` call carries the URL with the token into every traceback.
    """

    kind: Kind = Kind.RETRY

    def __init__(self, reason: str) -> None:
        super().__init__(_URL.sub("[url]", redact(reason)))


class Unreachable(WeChatError):
    """Nothing was sent: a repeat cannot deliver twice."""


class NoTime(WeChatError):
    """The call could not begin in its time: nothing was sent, and nobody is to blame."""


class NoToken(Unreachable):
    """Our own store of tokens is away: WeChat was not even asked."""


class NotYet(Unreachable):
    """WeChat refused the call for a token a moment ago, for a reason that passes: it is not asked
    again at once."""


class Ambiguous(WeChatError):
    """WeChat may have processed the call: repeat only with the same client_msg_id."""

    kind = Kind.AMBIGUOUS


class Refused(WeChatError):
    """WeChat answered with an errcode other than 0; `kind` is that of a business call."""

    def __init__(self, errcode: int, errmsg: str, rid: str = "") -> None:
        super().__init__(f"{errcode} {errmsg}" + (f" (rid {rid})" if rid else ""))
        self.errcode = errcode
        self.errmsg = _URL.sub("[url]", redact(errmsg))
        self.rid = rid
        self.kind = kind_of(errcode)

    def __reduce__(self) -> tuple[type["Refused"], tuple[int, str, str]]:
        return type(self), (self.errcode, self.errmsg, self.rid)
