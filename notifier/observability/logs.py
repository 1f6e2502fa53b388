"""Log lines without secrets, tokens or whole OpenIDs, whoever wrote them, tracebacks included."""

import logging
import re

from notifier.wechat.errors import redact

_OPENID = re.compile(
    r"(?<![A-Za-z0-9_-])(o[A-Za-z0-9_-]{3})[A-Za-z0-9_-]{20}([A-Za-z0-9_-]{4})(?![A-Za-z0-9_-])"
)


class RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _OPENID.sub(r"\1…\2", redact(super().format(record)))
