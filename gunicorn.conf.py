"""gunicorn finds this file by itself: its own lines look as ours do."""

from gunicorn.glogging import Logger

from config import seats
from config.log_lines import LOGGING

seats.take_one()  # the formatter of these lines loads the metrics, before any settings

_own = {"handlers": ["console"], "propagate": False}
logconfig_dict = LOGGING | {"loggers": LOGGING["loggers"] | {"gunicorn.error": _own}}


class logger_class(Logger):  # noqa: N801 - a setting of gunicorn's
    @property
    def access_log_enabled(self) -> bool:
        """With --access-logfile or --log-syslog. gunicorn takes our dictionary for one of them: it
        would compose a line for each request and throw it away. (--statsd-host needs its own class
        beside it: --logger-class gunicorn.instrument.statsd.Statsd.)"""
        return bool(self.cfg.accesslog or self.cfg.syslog)
