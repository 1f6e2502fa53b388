"""How log lines look, and who may write how much."""

import sys

from config import env

PROCESS_NAME = env.text("HONGYAN_PROCESS")
PROCESS = PROCESS_NAME or "hongyan"
FORMAT = env.text("LOG_FORMAT") or (
    "line" if env.flag("HONGYAN_DEMO") or sys.stderr.isatty() else "json"
)
SLOW_REQUEST_SECONDS = env.seconds("SLOW_REQUEST_SECONDS", 1)
"""What takes longer has a line."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "notifier.observability.logs.RedactingFormatter",
            "format": f"%(asctime)s {PROCESS.ljust(9)} %(levelname)s %(name)s: %(message)s",
        },
        "json": {"()": "notifier.observability.logs.JsonFormatter", "process": PROCESS},
    },
    "filters": {
        # RQ complains of a Redis that is away again and again, and the exporter of traces of its
        # collector: each process, four lines for each batch.
        "calm": {"()": "notifier.observability.logs.Calm", "most": 1, "seconds": 30},
        "flood": {"()": "notifier.observability.logs.Flood"},
    },
    "handlers": {
        "console": {
            "class": "notifier.observability.logs.Console",
            "formatter": FORMAT,
            "filters": ["flood"],
        }
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        # At DEBUG it writes every address with its access_token.
        "urllib3": {"level": "WARNING"},
        "rq": {"level": "WARNING"},
        "rq.worker": {"filters": ["calm"]},
        "opentelemetry.exporter.otlp.proto.http.trace_exporter": {"filters": ["calm"]},
        # With DEBUG Django's own handler would write its lines beside these, as they are.
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"level": "WARNING"},
    },
}
