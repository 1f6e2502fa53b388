"""Alert rules, dashboard and runbooks are what Prometheus reads, and speak of what there is."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from notifier import metrics
from notifier.books.book import LANGUAGES, RUNBOOKS
from notifier.dispatch import clock, works
from notifier.intake.accept import Origin
from notifier.models import Message
from notifier.webhooks.courier import Courier
from notifier.webhooks.relay import relay
from tests import builders
from tests.builders import magic, now
from tests.observability.rules import (
    alerts,
    metrics_in,
    page_name,
    panels,
    queries,
    tool,
)
from tests.receipts.pushes import push, receipt
from tests.webhooks.receiver import receiving

TESTS = Path(__file__).with_name("alerts_test.yml")
SAMPLE = re.compile(r"^(hongyan_\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)


def test_each_alert_fires_when_it_should_and_is_silent_beside_it():
    done = subprocess.run(
        [tool("promtool"), "test", "rules", str(TESTS)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_in_which_it_fires():
    cases = yaml.safe_load(TESTS.read_text("utf-8"))["tests"]
    asked = [one for case in cases for one in case["promql_expr_test"]]
    fired = " ".join(sample["labels"] for one in asked for sample in one["exp_samples"])
    missing = [one["alert"] for one in alerts() if f'alertname="{one["alert"]}"' not in fired]
    assert missing == []


def test_prometheus_can_read_every_query(tmp_path):
    """Those of dashboard and runbooks as rules of their own."""
    own = [{"record": "x", "expr": query} for _, query in queries()]
    file = tmp_path / "queries.yml"
    groups = [{"name": f"{n}", "rules": [rule]} for n, rule in enumerate(own)]
    file.write_text(yaml.safe_dump({"groups": groups}))
    done = subprocess.run(
        [tool("promtool"), "check", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: one["alert"])
def test_an_alert_says_what_to_do(alert):
    name, told = page_name(alert["alert"]), alert["annotations"]
    for language, key in (("en", "runbook_url"), ("zh", "runbook_url_zh")):
        assert told[key] == f"{{{{ $externalLabels.hongyan }}}}/runbooks/{language}/{name}/"
    assert name in RUNBOOKS.pages
    assert re.search("[\u4e00-\u9fff]", told["summary_zh"])
    assert told["summary"]
    assert told["description"]
    assert "page" in alert["labels"]["severity"] or alert["labels"]["severity"] == "ticket"
    # One bad moment wakes nobody; these two look back over minutes themselves.
    assert "for" in alert or name in ("worker-silent", "lease-recoveries")
    by_account = "$labels.slug" in told["summary"] + told["description"]
    assert ("group_left (slug)" in alert["expr"]) is by_account


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_is_of_an_alert_and_has_the_same_parts(language, client):
    known = {page_name(one["alert"]): one for one in alerts()}
    assert RUNBOOKS.pages[0] == "start"
    assert {*RUNBOOKS.pages[1:]} == known.keys()
    files = {path.stem for path in RUNBOOKS.file(language, "start").parent.glob("*.md")}
    assert files == {*RUNBOOKS.pages}
    index = RUNBOOKS.file(language, "start").read_text("utf-8")
    for name, alert in known.items():
        text = RUNBOOKS.file(language, name).read_text("utf-8")
        assert f"`{alert['alert']}`" in text
        assert text.count("\n## ") == 4, name
        severity = alert["labels"]["severity"]
        assert ("(page)" in text or "（page）" in text) is ("page" in severity), name
        title = text.partition("\n")[0].removeprefix("# ")
        row = re.compile(
            rf"^\| \[{re.escape(title)}\]\({name}\.md\) \| .+ \| `{alert['alert']}` \|$", re.M
        )
        assert row.search(index), name


@pytest.mark.parametrize("name", RUNBOOKS.pages)
def test_both_languages_have_the_same_code(name):
    english, chinese = (
        re.findall(
            r"^```.*?^```",
            RUNBOOKS.file(language, name).read_text("utf-8"),
            re.DOTALL | re.MULTILINE,
        )
        for language in LANGUAGES
    )
    assert english == chinese


def test_each_panel_says_what_good_looks_like_and_has_its_place():
    taken = set()
    for panel in panels():
        assert "Good: " in panel["description"], panel["title"]
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        assert panel["datasource"]["uid"] == "${datasource}"
        taken |= cells


@pytest.fixture
def lived(platform, work, api, service, client):
    """A platform on which all has happened that is counted."""
    platform.account.daily_quota = 100_000
    platform.account.callback_token = "callbacktoken"
    platform.account.save()
    with receiving() as receiver:
        builders.make_endpoint(service, url=receiver.url)
        for openid in ("", magic("unfollowed"), magic("busytwice")):
            platform.message(openid, origin=Origin(client=service))
        work()
        for sent in Message.objects.filter(state="sent"):
            push(platform.account, receipt(sent.openid, sent.msgid))
        work()
        while relay():
            pass
        courier = Courier()
        while courier.work():
            pass
    api.get("/api/v1/messages")
    metrics.traces_left_out.labels("trouble").inc()  # no trace is kept here
    clock.beat(now())
    works.done("old rows", 3600)
    return client


def test_queries_speak_of_what_metrics_shows(lived):
    text = lived.get("/metrics").content.decode()
    shown = {}
    for name, labels in SAMPLE.findall(text):
        shown.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    shown.setdefault("hongyan_account_pace", {"account"})  # only while WeChat wants it slower
    unknown = [
        (where, name, labels)
        for where, query in queries()
        for name, labels in metrics_in(query)
        if name not in shown or not labels <= shown[name]
    ]
    assert unknown == []
