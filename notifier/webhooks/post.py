"""One event to one address, and what came of it. No database: it runs in threads that may hang."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import requests
from django.conf import settings
from django.utils import timezone

from notifier import tracing
from notifier.tracing import NONE, Context
from notifier.webhooks.retry import retry_after_of
from notifier.webhooks.signing import signatures
from notifier.webhooks.wire import CONNECT_SECONDS, Line, Unsent

SPARE_SECONDS = 5.0
"""Beyond WEBHOOK_TIMEOUT, until a call that goes on is cut."""
READ_BYTES = 2048
SHOWN = 300
GONE = 410
# Words that long are keys, tokens, OpenIDs or ids, not a reason.
_LONG_WORD = re.compile(r"([A-Za-z0-9_+/=-]{4})[A-Za-z0-9_+/=-]{14,}")


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a thread needs to post one event."""

    delivery_id: int
    event_id: str
    body: bytes
    trace: Context = NONE
    """Of the message; the service gets it as headers."""
    attributes: tracing.Attributes = field(default_factory=dict)
    """Of its span."""


@dataclass(frozen=True, slots=True)
class Result:
    """`problem`: empty when it was taken, else a name of PROBLEMS."""

    problem: str
    status: int | None = None
    answer: str = ""
    seconds: float = 0
    retry_after: int | None = None


def post(
    session: requests.Session, line: Line, url: str, secrets: Sequence[str], parcel: Parcel
) -> Result:
    began = time.monotonic()
    send = partial(_post, session, line, url, secrets, parcel)
    line.begin(settings.WEBHOOK_TIMEOUT + SPARE_SECONDS)
    try:
        if tracing.is_wanted("webhook", parcel.trace):
            with tracing.span("webhook", parcel.trace, kind="CLIENT") as (one, context):
                result = _tried(send, line, context)
                one.set_attributes({**parcel.attributes, "hongyan.event_id": parcel.event_id})
                if result.status:
                    one.set_attribute("http.response.status_code", result.status)
                if result.problem:
                    tracing.fail(one, result.problem)
        else:
            result = _tried(send, line, parcel.trace)
    finally:
        line.end()
    seconds = time.monotonic() - began
    return Result(result.problem, result.status, result.answer, seconds, result.retry_after)


def _tried(send: Callable[[Context], Result], line: Line, trace: Context) -> Result:
    try:
        return send(trace)
    except Exception as error:  # whatever a server can do to an HTTP library
        return Result(problem_of(error, line))


def problem_of(error: Exception, line: Line) -> str:
    """A name of PROBLEMS."""
    if isinstance(error, Unsent):
        return error.problem
    if line.was_cut or isinstance(error, requests.Timeout):
        return "timeout"
    if isinstance(error, requests.exceptions.SSLError):
        return "tls"
    if isinstance(error, _NO_URL):
        return "no_url"
    return "broken"


_NO_URL = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError)


def _post(
    session: requests.Session,
    line: Line,
    url: str,
    secrets: Sequence[str],
    parcel: Parcel,
    trace: Context,
) -> Result:
    timestamp = int(time.time())
    answer = session.post(
        url,
        data=parcel.body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "Hongyan-Webhooks/1",
            **trace.headers,
            "webhook-id": parcel.event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signatures(secrets, parcel.event_id, timestamp, parcel.body),
        },
        timeout=(CONNECT_SECONDS, settings.WEBHOOK_TIMEOUT),
        allow_redirects=False,
        stream=True,
    )
    if line.was_cut:  # in the midst of the headers, which the library takes for their end
        answer.close()
        return Result("timeout")
    asked = retry_after_of(answer.headers.get("Retry-After"), timezone.now())
    return Result(_problem(answer.status_code), answer.status_code, _beginning(answer), 0, asked)


def _problem(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if status == GONE:
        return "gone"
    return "redirect" if 300 <= status < 400 else "refused"


def _beginning(answer: requests.Response) -> str:
    """The answer's first bytes, for people. What is longer, or does not come, ends the connection
    and changes nothing: the status has said it all."""
    try:
        read = answer.raw.read(READ_BYTES + 1, decode_content=False) or b""
    except Exception:
        read = b""
        answer.close()
    if len(read) > READ_BYTES:
        answer.close()
    if answer.headers.get("Content-Encoding"):
        return ""
    text = read.decode("utf-8", "replace").replace("\0", "")
    return _LONG_WORD.sub(r"\1…", " ".join(text.split()))[:SHOWN]
