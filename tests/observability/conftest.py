import pytest
from django.db import connections

from notifier.tracing import allowance, sdk
from tests.observability.otlp import collecting


@pytest.fixture
def collector(monkeypatch):
    """A real OTLP endpoint, to which this process exports."""
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        allowance.of.cache_clear()
        sdk.forget()
        yield collector
        sdk.provider().shutdown()
    sdk.forget()


@pytest.fixture
def no_database(db, monkeypatch):
    """A file in a folder that is not there, or a host where nothing listens."""
    broken = connections["default"].copy()
    gone = {"NAME": "/nonexistent/x.sqlite3", "HOST": "/nonexistent", "OPTIONS": {}}
    monkeypatch.setattr(broken, "settings_dict", broken.settings_dict | gone)
    mine = connections["default"]
    connections["default"] = broken
    yield
    connections["default"] = mine
