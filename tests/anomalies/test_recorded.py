"""A simulated account, recorded through the real pipeline (`record.py`), and judged again."""

import json
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from notifier.models import MeasuredWindow
from tests import builders
from tests.anomalies.measuring import AT, WIDTH
from tests.anomalies.replaying import replay

pytestmark = pytest.mark.django_db
RECORDED: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("recorded.json").read_text("utf-8")
)


def begins(place: int) -> datetime:
    return AT + place * WIDTH


def test_each_fault_of_the_recording_is_found_once_and_nothing_else():
    template = builders.make_template()
    rows = {
        begins(place): MeasuredWindow(
            begins=begins(place), **{name: one[name] for name in one if name != "fault"}
        )
        for place, one in enumerate(RECORDED)
    }
    raised = replay(template.account_id, [template.pk], {0: rows, 1: dict(rows)}, [*rows], WIDTH)
    faults = groupby(enumerate(RECORDED), key=lambda item: item[1]["fault"])
    spans = {name: [begins(place) for place, _ in found] for name, found in faults if name}
    assert {one.measure for one in raised} == spans.keys()
    assert len(raised) == len(spans) == 3
    for one in raised:
        span = spans[one.measure]
        assert span[0] <= one.begun_at <= span[1]
        assert one.told_at <= span[-1] + 2 * WIDTH
        assert one.state == "ended"
        assert one.basis == "hours"
