"""Records what the windows of a simulated account measure, through the real pipeline, with faults
at known windows: python -m pytest tests/anomalies/record.py writes recorded.json (ten minutes).
Not among the tests; `test_recorded.py` judges what it recorded. None of production is there.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from notifier.models import MeasuredWindow
from tests.anomalies.simulated import Shop
from tests.conftest import Platform

RECORDED = Path(__file__).with_name("recorded.json")
WIDTH = timedelta(seconds=8)
"""Longer than the least lag of receipts that is unusual."""
MANY = 50
STORY: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (32, "", {}),
    (3, "failure", {"failing": 15}),
    (5, "", {}),
    (3, "latency", {"latency_ms": 600}),
    (5, "", {}),
    (3, "missing", {"receipts_ms": None}),
    (6, "", {}),
)
"""(windows, what is wrong in them, how it is made)"""
NAMES = ("tried", "failed", "refused", "errcodes", "timed", "median_ms", "p95_ms")
NAMES += ("sent", "blocked", "undelivered", "missing", "lag_ms")


@pytest.fixture
def shop(settings: Any, simulator: Any, live_server: LiveServer, work: Any) -> Shop:
    settings.ANOMALY_WINDOW_SECONDS = WIDTH.total_seconds()
    return Shop(Platform(simulator, live_server.url, "plain"), work, WIDTH)


def test_record(shop: Shop) -> None:
    faults = {}
    for count, measure, fault in STORY:
        for _ in range(count):
            faults[shop.window(MANY, **fault)] = measure
    shop.look()
    shop.look()
    rows = MeasuredWindow.objects.filter(template_id=0, begins__in=faults, account_id__gt=0)
    known = {row.begins: row for row in rows}
    kept = [
        {"fault": faults[begins]} | {name: getattr(known[begins], name) for name in NAMES}
        for begins in sorted(faults)
    ]
    lines = ",\n".join(json.dumps(one) for one in kept)
    RECORDED.write_text(f"[\n{lines}\n]\n")
