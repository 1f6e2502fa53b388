"""One slow send, found from the alert to the phase: made to happen, and each page on the way kept
as a picture. WeChat takes 3 s, the name is looked up slowly, the connection (TLS) is a new one.

python -m tests.observability.walk FOLDER (needs prometheus and Chromium)
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from html import escape
from pathlib import Path
from urllib.parse import urlencode

from tests.benchmarks import environment  # isort: skip - starts the services first
import requests
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, sync_playwright

from notifier.models import Message, State
from tests import builders
from tests.benchmarks.accept import gunicorn
from tests.benchmarks.growth import python, until
from tests.chaos.callers import known_to_the_simulator
from tests.e2e.test_alerting import TOKEN, Prometheus
from tests.observability.otlp import Collector, Seen, collecting
from tests.observability.rules import of_dashboard
from tests.simulator.process import SimulatorProcess

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
USUAL = 60
PANEL = "Each phase, p99"
"""Of the dashboard, whose query is shown by Prometheus: Grafana is not run."""
PASSWORD = "only-on-this-walk"


def main() -> None:
    shots = Path(sys.argv[1])
    shots.mkdir(parents=True, exist_ok=True)
    environment.migrate()
    get_user_model().objects.create_superuser("walker", password=PASSWORD)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        collector = stack.enter_context(collecting())
        simulator = SimulatorProcess([], certificate=folder / "pem")
        stack.callback(simulator.stop)
        os.environ |= {
            "METRICS_TOKEN": TOKEN,
            "WECHAT_CA_FILE": str(folder / "pem"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "SLOW_DNS": str(folder / "slow"),
        }
        port = stack.enter_context(gunicorn("config.wsgi"))
        web = f"http://127.0.0.1:{port}"
        prometheus = Prometheus(folder, web, web)
        stack.callback(prometheus.process.terminate)
        slow = _happen(web, simulator, folder, prometheus)
        alert = prometheus.until_firing("HongyanSendsSlow")
        until(lambda: any("template/send" in one.name for one in collector.of(TRACE)))
        _walk(shots, web, prometheus.url, alert["annotations"]["runbook_url"], slow, collector)


def _happen(web: str, simulator: SimulatorProcess, folder: Path, prometheus: Prometheus) -> Message:
    """Sixty messages as usual, and then the slow one."""
    account = builders.make_account(
        slug="shop", name="Shop", api_base_url=simulator.url.replace("127.0.0.1", "localhost")
    )
    template = builders.make_template(account)
    person = builders.make_recipient(account)
    simulator.control("POST", "/accounts", known_to_the_simulator(template, web))
    key = builders.make_client().make_key()

    def send(**headers: str) -> None:
        answer = requests.post(
            f"{web}/api/v1/messages",
            json={"template": template.code, "to": person.openid, "data": builders.DATA},
            headers={"Authorization": f"Bearer {key}", **headers},
            timeout=10,
        )
        assert answer.status_code == 202, answer.text

    with _worker():
        send()
        _until_all_are_sent()
        prometheus.target()
        time.sleep(3)  # Prometheus sees the series begin
        for _ in range(USUAL):
            send()
        _until_all_are_sent()
    (folder / "slow").touch()
    simulator.control("POST", "/latency", {"median_ms": 3_000, "sigma": 0})
    with _worker():
        time.sleep(2)  # those before have used up what may be traced
        send(traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
        _until_all_are_sent()
    return Message.objects.order_by("-id")[0]


def _walk(
    shots: Path, web: str, prometheus: str, runbook: str, slow: Message, collector: Collector
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720}, locale="en")
        page.goto(f"{prometheus}/graph")
        page.click("text=Alerts")
        page.click("text=HongyanSendsSlow")
        page.wait_for_timeout(1_000)
        page.evaluate("scrollTo(0, 0)")  # the box is of what is in view, the clip of the whole page
        box = page.locator("td:has-text('HongyanSendsSlow')").first.bounding_box()
        assert box is not None
        clip = {"x": 0.0, "y": box["y"], "width": 1280.0, "height": 560.0}
        page.screenshot(path=shots / "walk-1-alert.png", full_page=True, clip=clip)
        page.goto(runbook)
        page.screenshot(path=shots / "walk-2-runbook.png")
        graph = {"g0.expr": dict(of_dashboard())[PANEL], "g0.tab": 0, "g0.range_input": "1m"}
        page.goto(f"{prometheus}/graph?{urlencode(graph)}")
        page.wait_for_timeout(3_000)
        page.screenshot(path=shots / "walk-3-phases.png", full_page=True)
        _log_in(page, web)
        page.goto(f"{web}/admin/notifier/message/?call=slow")
        page.screenshot(path=shots / "walk-4-log.png")
        page.goto(f"{web}/admin/notifier/message/{slow.pk}/change/")
        page.screenshot(path=shots / "walk-5-message.png")
        page.set_viewport_size({"width": 900, "height": 300})
        page.set_content(_timeline(collector.of(TRACE)))
        page.screenshot(path=shots / "walk-6-trace.png", full_page=True)
        browser.close()


def _log_in(page: Page, web: str) -> None:
    page.goto(f"{web}/admin/login/")
    page.fill("input[name=username]", "walker")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_load_state()


def _timeline(spans: list[Seen]) -> str:
    """What any viewer of traces shows; here from what the endpoint was sent."""
    begins = min(one.began for one in spans)
    ends = max(one.began + one.seconds for one in spans)
    rows = []
    for one in sorted(spans, key=lambda one: one.began):
        left = 100 * (one.began - begins) / (ends - begins)
        width = max(100 * one.seconds / (ends - begins), 0.3)
        told = ", ".join(
            f"{name.rpartition('.')[2]} {value}"
            for name, value in one.attributes.items()
            if "phase" in name or "reused" in name
        )
        rows.append(
            f"<tr><td>{escape(one.name)}<br><small>process {one.pid}</small></td>"
            f"<td><div style='margin-left:{left}%;width:{width}%'></div></td>"
            f"<td>{one.seconds * 1000:,.0f} ms<br><small>{escape(told)}</small></td></tr>"
        )
    style = (
        "body{font:14px sans-serif;margin:20px}table{width:100%}"
        "td{padding:4px 8px;white-space:nowrap}td:last-child{white-space:normal}"
        "td:nth-child(2){width:50%}div{background:#0f766e;height:14px}small{color:#475569}"
    )
    return f"<style>{style}</style><h3>Trace {TRACE}</h3><table>{''.join(rows)}</table>"


def _worker() -> "subprocess.Popen[bytes]":
    return python("-m", "tests.observability.slow_dns", "worker")


def _until_all_are_sent() -> None:
    until(lambda: not Message.objects.exclude(state__in=[State.SENT, State.DELIVERED]).exists())


if __name__ == "__main__":
    main()
