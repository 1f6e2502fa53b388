"""Log lines without secrets, tokens or whole OpenIDs, whoever wrote them, tracebacks included."""

import logging
import re
import time

from notifier.wechat.errors import redact

_OPENID = re.compile(
    r"(?<![A-Za-z0-9_-])(o[A-Za-z0-9_-]{3})[A-Za-z0-9_-]{20}([A-Za-z0-9_-]{4})(?![A-Za-z0-9_-])"
)


class Calm(logging.Filter):
    """A library that complains of the same thing again and again is heard once in a while."""

    def __init__(self, seconds: float = 30) -> None:
        super().__init__()
        self._seconds = seconds
        self._heard: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._heard.get(str(record.msg), -self._seconds) < self._seconds:
            return False
        self._heard[str(record.msg)] = now
        return True


class RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _OPENID.sub(r"\1…\2", redact(super().format(record)))
