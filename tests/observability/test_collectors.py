"""The samples for collectors of logs name what our lines have. Vector and Fluentd are not run."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.observability.test_logs import event

SAMPLES = Path(settings.BASE_DIR) / "config/logging"


@pytest.fixture
def line() -> dict[str, Any]:
    return event("sent", message_id="0" * 32)


def test_vector_labels_by_what_a_line_has(line: dict[str, Any]) -> None:
    sample = yaml.safe_load((SAMPLES / "vector.yaml").read_text("utf-8"))
    labels = sample["sinks"]["loki"]["labels"].values()
    named = {name for label in labels for name in re.findall(r"{{ (\w+) }}", label)}
    read = set(re.findall(r"parse_timestamp\(\.(\w+)", sample["transforms"]["hongyan"]["source"]))
    assert named
    assert read
    assert named | read <= set(line)
    known = {*sample["sources"], *sample["transforms"]}
    steps = (*sample["transforms"].values(), *sample["sinks"].values())
    assert {source for one in steps for source in one["inputs"]} <= known


def test_vector_has_its_time_as_rfc_3339(line: dict[str, Any]) -> None:
    """`%+` of its remap language; anything else falls back to the time of reading."""
    at = datetime.fromisoformat(line["timestamp"])
    assert at.utcoffset() == timedelta()
    assert datetime.now(UTC) - at < timedelta(minutes=1)


def test_fluentd_reads_the_time_of_a_line(line: dict[str, Any]) -> None:
    sample = (SAMPLES / "fluentd.conf").read_text("utf-8")
    told = dict(re.findall(r"^\s*(time_\w+) (\S+)$", sample, re.M))
    assert told.keys() >= {"time_key", "time_format"}
    # %N: Ruby's fraction of a second, of any length. Without %z it is the server's own time.
    form = told["time_format"].replace("%N", "%f")
    assert datetime.strptime(line[told["time_key"]], form).utcoffset() == timedelta()
    opened = re.findall(r"^\s*<(\w+)", sample, re.M)
    assert sorted(opened) == sorted(re.findall(r"^\s*</(\w+)>", sample, re.M))
