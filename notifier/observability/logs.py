"""Log lines without secrets, tokens or whole OpenIDs, whoever wrote them, tracebacks included: for
people at a terminal, and as JSON, one line an event, for Vector, Fluentd and the like.
"""

import logging
import re
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from rq import get_current_job
from structlog.stdlib import ProcessorFormatter

from notifier import tracing
from notifier.observability.requests import current_request_id
from notifier.wechat.errors import REDACTED, redact

Event = MutableMapping[str, Any]

_HEX = "[0-9A-Fa-f]"
_ESCAPES = (rf"%{_HEX}{{2}}", r"\\[nrt]", rf"\\x{_HEX}{{2}}", rf"\\u{_HEX}{{4}}")


def _beginning(word: str, part: str) -> str:
    """`word` where another one does not go on: behind none of its letters, or behind an escape that
    ends in one. It is looked for first, and then what is before it: three times as fast."""
    before = (f"(?<!{part}{word})", *(f"(?<={one}{word})" for one in _ESCAPES))
    return f"{word}(?:{'|'.join(before)})"


_PART = "[A-Za-z0-9_-]"
_OPENID = re.compile(
    f"({_beginning('o', _PART)}{_PART}{{3}}){_PART}{{20}}({_PART}{{4}})(?!{_PART})"
)
_KEY = re.compile(
    rf"(Bearer\s+|Basic\s+|whsec_|{_beginning('hy_', '[A-Za-z0-9_]')}(?:test_)?)"
    r"[A-Za-z0-9._~+/=%-]{16,}"
)
"""What callers authenticate with, our own keys too; and what webhooks are signed with."""
_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/@]+(?=@)")
"""Of an address such as DATABASE_URL's."""


class Flood(logging.Filter):
    """Of lines that say the same, so many in a while; the next one tells how many were left out."""

    def __init__(self, most: int = 50, seconds: float = 10) -> None:
        super().__init__()
        self._most, self._seconds = most, seconds
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key, now = (record.name, str(record.msg)), time.monotonic()
        began, count = self._seen.get(key, (now, 0))
        if now - began >= self._seconds:
            if count > self._most:
                record.left_out = count - self._most
            began, count = now, 0
        if len(self._seen) > MOST_KINDS:  # texts that are made, not templates
            self._seen.clear()
        self._seen[key] = (began, count + 1)
        return count < self._most


MOST_KINDS = 1000


def clean(text: str) -> str:
    known = _PASSWORD.sub(rf"\1{REDACTED}", _KEY.sub(rf"\1{REDACTED}", redact(text)))
    return _OPENID.sub(r"\1…\2", known)


class RedactingFormatter(logging.Formatter):
    """For people."""

    def format(self, record: logging.LogRecord) -> str:
        left_out = getattr(record, "left_out", 0)
        more = f" (and {left_out} like it before)" if left_out else ""
        return clean(super().format(record)) + more


class JsonFormatter(ProcessorFormatter):
    """`process`: its name. Beside what was logged a line has the ids of the request, the trace and
    the job it belongs to, if there is one; what is about a message gives that one's, as `extra`."""

    def __init__(self, process: str) -> None:
        def known(_logger: Any, _name: str, event: Event) -> Event:
            job = get_current_job()
            told = {
                "process": process,
                "request_id": current_request_id(),
                "trace_id": event.get("trace_id") or tracing.current().trace_id,
                "job_id": job.id if job else "",
            }
            found = {**event, **told}
            return {name: value for name, value in found.items() if value or name not in told}

        before: list[Any] = [
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # the traceback alone: locals hold secrets
        ]
        after: list[Any] = [
            ProcessorFormatter.remove_processors_meta,
            known,
            structlog.processors.EventRenamer("message"),
            _cleaned,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        super().__init__(foreign_pre_chain=before, processors=after)


def _cleaned(_logger: Any, _name: str, event: Event) -> Event:
    """Before it is rendered: as JSON, quotes within a text are hidden behind backslashes."""
    return {name: _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    return clean(value if isinstance(value, str) else repr(value))
