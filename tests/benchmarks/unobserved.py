"""Settings without what observes: no request timing, no counters, no log line below CRITICAL. Only
to measure what it costs (`tests.benchmarks.observed`)."""

from config.settings import *  # noqa: F403 - settings
from config.settings import MIDDLEWARE as _WITH

MIDDLEWARE = [one for one in _WITH if not one.endswith(".request_time")]
LOGGING = {"version": 1, "disable_existing_loggers": True, "root": {"level": "CRITICAL"}}


class _Nothing:
    """In place of prometheus_client's values, before a counter is made."""

    def __init__(self, *_args: object, **_named: object) -> None:
        """Counts nothing."""

    def inc(self, _amount: float) -> None:
        pass

    def set(self, _value: float, timestamp: float | None = None) -> None:
        pass

    def get(self) -> float:
        return 0.0

    def get_exemplar(self) -> None:
        return None

    def set_exemplar(self, _exemplar: object) -> None:
        pass


from prometheus_client import metrics as _metrics
from prometheus_client import values as _values

_metrics.values.ValueClass = _values.ValueClass = _Nothing  # type: ignore[attr-defined,misc]
