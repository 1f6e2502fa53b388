"""A real Prometheus reads a server of ours, and tells that an account was stopped."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from pytest_django.live_server_helper import LiveServer

from tests.conftest import Platform
from tests.guide.conftest import free_port
from tests.observability.rules import ALERTS, tool

TOKEN = "a-token-for-metrics"
PATIENCE = 60


class Prometheus:
    def __init__(self, folder: Path, scraped: str, runbooks: str) -> None:
        rules = yaml.safe_load(ALERTS.read_text("utf-8"))
        for rule in (rule for group in rules["groups"] for rule in group["rules"]):
            if "for" in rule:
                rule["for"] = "1s"
        (folder / "alerts.yml").write_text(yaml.safe_dump(rules))
        job = {
            "job_name": "hongyan",
            "authorization": {"credentials": TOKEN},
            "static_configs": [{"targets": [scraped.removeprefix("http://")]}],
        }
        intervals = {"scrape_interval": "3s", "scrape_timeout": "3s", "evaluation_interval": "1s"}
        config = {
            "global": intervals | {"external_labels": {"hongyan": runbooks}},
            "rule_files": ["alerts.yml"],
            "scrape_configs": [job],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.log = folder / "log"
        self.url = f"http://127.0.0.1:{free_port()}"
        address = self.url.removeprefix("http://")
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [tool("prometheus"), *options, f"--web.listen-address={address}"],
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def until_firing(self, name: str) -> dict[str, Any]:
        """The alert, once it fires."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for alert in self.firing():
                if alert["labels"]["alertname"] == name:
                    return alert
            time.sleep(0.3)
        raise AssertionError(f"{name} did not fire\n{self.log.read_text()}")

    def firing(self) -> list[dict[str, Any]]:
        return [one for one in self._asked("alerts")["alerts"] if one["state"] == "firing"]

    def target(self) -> dict[str, Any]:
        """Once it was read."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for one in self._asked("targets").get("activeTargets", []):
                if one["health"] != "unknown":
                    return dict(one)
            time.sleep(0.2)
        raise AssertionError(f"nothing was read\n{self.log.read_text()}")

    def _asked(self, what: str) -> dict[str, Any]:
        assert self.process.poll() is None, self.log.read_text()
        try:
            answer = requests.get(f"{self.url}/api/v1/{what}", timeout=5)
        except requests.ConnectionError:  # it starts
            return {"alerts": []}
        if answer.status_code == 503:
            return {"alerts": []}
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])


@pytest.fixture
def prometheus(live_server: LiveServer, settings: Any, tmp_path: Path) -> Iterator[Prometheus]:
    settings.METRICS_TOKEN = TOKEN
    running = Prometheus(tmp_path, live_server.url, live_server.url)
    yield running
    running.process.terminate()
    running.process.wait(20)


def test_a_stopped_account_raises_its_alert(
    prometheus: Prometheus, platform: Platform, work: Any
) -> None:
    platform.message()
    work()
    target = prometheus.target()
    assert (target["health"], target["lastError"]) == ("up", "")
    fault = {"path": "/cgi-bin/message/template/send", "errcode": 48001, "times": 1000}
    platform.simulator.control("POST", "/faults", fault)
    platform.message()
    work()
    alert = prometheus.until_firing("HongyanAccountStopped")
    slug = platform.account.slug
    assert (alert["labels"]["slug"], alert["labels"]["severity"]) == (slug, "page")
    assert alert["annotations"]["summary"] == f"Account {slug} cannot send"
    for key in ("runbook_url", "runbook_url_zh"):
        page = requests.get(alert["annotations"][key], timeout=10)
        assert page.status_code == 200
        assert "HongyanAccountStopped" in page.text
    assert "HongyanTargetDown" not in {one["labels"]["alertname"] for one in prometheus.firing()}
