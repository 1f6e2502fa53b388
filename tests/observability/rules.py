"""The queries of alerts, dashboard and runbooks, read from their files, and Prometheus' own tools.

Grafana is not run: its dashboard is checked as JSON, and its queries by Prometheus' parser.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from notifier.books.book import LANGUAGES, RUNBOOKS

ALERTS = Path(settings.BASE_DIR) / "config/prometheus/alerts.yml"
DASHBOARD = Path(settings.BASE_DIR) / "config/grafana/hongyan.json"
SELECTOR = re.compile(r"\b(hongyan_\w+)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
VARIABLES = {"$__rate_interval": "5m", "$account": ".*", "$route": ".*"}
"""What Grafana puts in."""


def tool(name: str) -> str:
    """promtool or prometheus."""
    if found := shutil.which(name):
        return found
    pytest.skip(f"There is no {name}: apt-get install --no-install-recommends prometheus")


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def page_name(alert: str) -> str:
    """HongyanUrgentWaits -> urgent-waits"""
    words = re.findall(r"WeChat|[A-Z][a-z]+", alert.removeprefix("Hongyan"))
    return "-".join(words).lower()


def panels() -> list[dict[str, Any]]:
    found = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def of_dashboard() -> Iterator[tuple[str, str]]:
    """(where it stands, the query)"""
    for panel in panels():
        for target in panel["targets"]:
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            yield panel["title"], query


def of_runbooks() -> Iterator[tuple[str, str]]:
    for language in LANGUAGES:
        for name in RUNBOOKS.pages:
            text = RUNBOOKS.file(language, name).read_text("utf-8")
            for block in re.findall(r"^```promql\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
                for query in re.split(r"\n(?=\S)", block.strip()):
                    yield f"{language}/{name}", query


def queries() -> list[tuple[str, str]]:
    own = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]
    return [*own, *of_dashboard(), *of_runbooks()]


def metrics_in(query: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of ours with the labels that it is chosen by."""
    for name, labels in SELECTOR.findall(query):
        yield name, set(LABEL.findall(labels))
