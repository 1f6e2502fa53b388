"""What came back from WeChat: its JSON, or why there is none."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from notifier.wechat.errors import Ambiguous, Refused, Unreachable, split_rid


def failure_of(error: requests.RequestException) -> Unreachable | Ambiguous:
    """Was it certainly not sent? Only a failed connect says so. The exception's text is dropped."""
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    name = type(reason or error).__name__
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return Unreachable(f"no connection ({name})")
    if isinstance(getattr(reason, "args", (None,))[0], ssl.SSLCertVerificationError):
        return Unreachable("the server's certificate is not valid")
    if isinstance(error, requests.Timeout):
        return Ambiguous("no answer in time")
    return Ambiguous(f"the connection broke ({name})")


def answer_of(status: int, content: bytes) -> dict[str, Any]:
    """WeChat's JSON. Decoded as UTF-8 whatever the header says: it names no charset."""
    if status != 200:
        raise Ambiguous(f"HTTP {status}")
    try:
        answer = orjson.loads(content)
        errcode = int(answer.get("errcode", 0))
    except (ValueError, AttributeError, TypeError):
        raise Ambiguous("the answer is not WeChat's JSON") from None
    if not -(2**31) <= errcode < 2**31:
        raise Ambiguous("the answer's errcode is no errcode")
    if errcode:
        errmsg, rid = split_rid(str(answer.get("errmsg", "")))
        raise Refused(errcode, errmsg, rid)
    return dict(answer)


def date_of(headers: Mapping[str, str]) -> float | None:
    """What the server's clock shows, in Unix seconds; None where it does not say."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Page:
    """OpenIDs, and after which one the next page begins; empty: this was the last."""

    openids: list[str]
    following: str
    total: int = 0


def page_of(answer: dict[str, Any]) -> Page:
    """The last page names its own last OpenID, as every other; only the one after it is empty."""
    openids = [str(one) for one in (answer.get("data") or {}).get("openid", [])]
    following = str(answer.get("next_openid") or "") if openids else ""
    return Page(openids, following, int(answer.get("total") or 0))
