"""gunicorn finds this file by itself: its own lines look as ours do."""

from config.log_lines import LOGGING

_own = {"handlers": ["console"], "propagate": False}
logconfig_dict = LOGGING | {"loggers": LOGGING["loggers"] | {"gunicorn.error": _own}}
