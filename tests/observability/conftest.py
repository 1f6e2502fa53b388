import pytest

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
