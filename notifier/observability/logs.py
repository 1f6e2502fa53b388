"""Log lines without secrets, tokens or whole OpenIDs, whoever wrote them, tracebacks included: for
people at a terminal, and as JSON, one line an event, for Vector, Fluentd and the like.
"""

import atexit
import logging
import sys
import threading
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any

import structlog
from rq import get_current_job
from structlog.stdlib import ProcessorFormatter

from notifier import tracing
from notifier.observability.requests import current_request_id
from notifier.redaction import clean
from notifier.wechat.errors import REDACTED, names_secret

log = logging.getLogger(__name__)

Event = MutableMapping[str, Any]


class Flood(logging.Filter):
    """Of lines that say the same, so many in a while; the next one tells how many were left out.
    Django has one text for each answer from 400 on: an error with its traceback is not one of a
    thousand addresses that were not found."""

    def __init__(self, most: int = 50, seconds: float = 10) -> None:
        super().__init__()
        self._most, self._seconds = most, seconds
        self._seen: dict[tuple[object, ...], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        raised = record.exc_info[0] if record.exc_info else None
        key, now = (record.name, record.levelno, raised, str(record.msg)), time.monotonic()
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


class Calm(Flood):
    """Of what complains again and again. That a job failed is said of each."""

    def filter(self, record: logging.LogRecord) -> bool:
        return hasattr(record, "job_id") or super().filter(record)


def _ids(given: Mapping[str, Any]) -> dict[str, str]:
    """Of the message, the request, the trace and the job that a line belongs to; "": to none. What
    is about a message gives that one's, as `extra`."""
    job = get_current_job()
    return {
        "message_id": given.get("message_id") or "",
        "request_id": current_request_id(),
        "trace_id": given.get("trace_id") or tracing.current().trace_id,
        "job_id": given.get("job_id") or (job.id if job else ""),
    }


class RedactingFormatter(logging.Formatter):
    """For people: after the text the ids that it does not name itself."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        text = super().formatMessage(record)
        if left_out := getattr(record, "left_out", 0):
            text += f" (and {left_out} like it before)"
        ids = _ids(vars(record)).items()
        return " ".join([text, *(f"{name}={one}" for name, one in ids if one and one not in text)])

    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))


class JsonFormatter(ProcessorFormatter):
    """`process`: its name. Beside what was logged a line has its ids."""

    def __init__(self, process: str) -> None:
        def known(_logger: Any, _name: str, event: Event) -> Event:
            told = {"process": process, **_ids(event)}
            if request := event.pop("request", None):  # Django's: its query names persons
                event["method"] = request.method
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
    return {
        name: REDACTED if names_secret(name) else _clean(value) for name, value in event.items()
    }


PHONES = 10_000_000_000
"""Numbers so large are looked at."""


def _clean(value: Any) -> Any:
    if isinstance(value, bool | int | float | None):
        if value is None or abs(value) < PHONES:
            return value
        shown = clean(str(value))
        return value if shown == str(value) else shown
    return clean(value if isinstance(value, str) else repr(value))


class Console(logging.StreamHandler[Any]):
    """A line that cannot be made (a wrong format) is told of by its place: the library would write
    what it was given, as it is."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's
        error = sys.exc_info()[0]
        text, given = "a line of %s:%d could not be written (%s)", (record.pathname, record.lineno)
        told = (*given, error and error.__name__)
        broken = logging.LogRecord(record.name, logging.ERROR, *given, text, told, None)
        with suppress(Exception):
            self.stream.write(self.format(broken) + self.terminator)
            self.flush()


def _uncaught(
    kind: type[BaseException],
    error: BaseException | None,
    trace: TracebackType | None,
    where: str = "",
) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    if hasattr(sys, "ps1"):  # somebody types at a shell
        sys.__excepthook__(kind, error or kind(), trace)
        return
    info = (kind, error or kind(), trace)
    log.critical("nothing caught an error%s", where and f": {where}", exc_info=info)


def install() -> None:
    """What Python writes by itself, and structlog's own loggers, are log lines like all others."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda told: _uncaught(*told[:3])
    sys.unraisablehook = lambda told: _uncaught(
        *(told.exc_type, told.exc_value, told.exc_traceback),
        f"{told.err_msg or 'ignored in'} {type(told.object).__qualname__}",
    )
    # While Python takes itself apart no line can be made, and a destructor's would be written raw.
    atexit.register(setattr, sys, "unraisablehook", lambda _told: None)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
