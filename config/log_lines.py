"""How log lines look, and who may write how much."""

from config import env

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "notifier.observability.logs.RedactingFormatter",
            "format": "%(asctime)s {process_name} %(levelname)s %(name)s: %(message)s".format(
                process_name=env.text("HONGYAN_PROCESS", "hongyan").ljust(9)
            ),
        }
    },
    "filters": {"calm": {"()": "notifier.observability.logs.Calm"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        # At DEBUG it writes every address with its access_token.
        "urllib3": {"level": "WARNING"},
        "rq": {"level": "WARNING"},
        "rq.worker": {"filters": ["calm"]},
        "django.server": {"level": "WARNING"},
    },
}
