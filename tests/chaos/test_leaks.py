"""The hunt for leaks finds what is there, in each form it is written in, and says what it could not
look at or had nothing to look for."""

import json
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from notifier.profiling import asking
from tests import builders
from tests.chaos.leaks import Blind, Hunt, hunt
from tests.chaos.stage import Stage
from tests.observability.otlp import Collector
from tests.wechat.servers import answering, free_address, serving

SAID = "云南白茶"
BODY = json.dumps({"touser": "x", "thing2": {"value": SAID}}, ensure_ascii=False)
NEEDLES = {"values": {SAID, "另一件"}, "tokens": {"71_abc+/="}, "bodies": {BODY}}


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (f"sent {SAID}".encode(), "values"),
        (json.dumps({"data": SAID}).encode(), "values"),
        (b"GET /x?token=71_abc+/=", "tokens"),
        (f"GET /x?token={quote('71_abc+/=', safe='')}".encode(), "tokens"),
        (json.dumps({"job": BODY}, ensure_ascii=False).encode(), "bodies"),
        (json.dumps({"job": json.dumps({"body": BODY})}).encode(), "bodies"),
        (json.dumps({"message": repr(BODY.encode())}).encode(), "bodies"),
    ],
)
def test_what_is_there_is_found(written: bytes, what: str) -> None:
    places = {"logs": b"before " + written + b" after", "traces": b""}
    found = {one.what: one for one in hunt(places, NEEDLES)}
    assert (found[what].where, found[what].count) == ("logs", 1)
    assert written[:6] in found[what].around


def test_what_is_not_there_is_not() -> None:
    assert hunt({"logs": b"71_ab", "traces": SAID.encode()[:-1]}, NEEDLES) == []


STORM_KEY = "only-for-a-storm-" * 4


class Empty:
    """A stage whose processes wrote nothing."""

    environment = Stage.environment

    def __init__(self, folder, url):
        self.folder, self.web_url, self.workers = folder, url, [SimpleNamespace(name="worker-1")]
        self.postgresql = self.redis = SimpleNamespace(url="")
        self.simulator_url, self._encryption_key, self._settings = "", "k1", {}


@pytest.fixture(autouse=True)
def _nobody_answers(monkeypatch):
    """This very process does, once a test before has loaded the web application."""
    monkeypatch.setattr(asking, "processes", list)
    monkeypatch.setattr(Hunt, "_have_a_job_fail", lambda _: None)


def ended(folder, url, **callers):
    nobody = {"openids": [], "templates": [], "accounts": [], "key": ""}
    hunting = Hunt(Empty(folder, url), SimpleNamespace(**nobody | callers), Collector())
    hunting.start()
    found = hunting.end()
    blind = {one.what for one in found if isinstance(one, Blind)}
    return blind, {one.what for one in found} - blind


PLACES = {"metrics", "traces", "error pages", "Redis", "Redis, unpacked", "profiles"}
PLACES |= {"failed jobs", "log of worker-1", "log of clock", "log of web"}


def test_who_saw_nothing_says_so(db, tmp_path, capsys):
    blind, leaked = ended(tmp_path, free_address())
    assert not leaked
    assert blind == PLACES | {"secrets", "API keys", "tokens", "OpenIDs", "bodies"}
    assert "no endpoint" in capsys.readouterr().out


@pytest.mark.parametrize(("status", "is_seen"), [("200 OK", True), ("404 Not Found", False)])
def test_figures_are_those_of_a_page_that_is_there(db, tmp_path, status, is_seen):
    with serving(answering("hongyan_accepted_total 1", status)) as server:
        assert ("metrics" not in ended(tmp_path, server.url)[0]) is is_seen


def test_what_was_written_is_looked_at(db, tmp_path):
    template = builders.make_template()
    message = builders.make_message(template)
    secret = builders.make_endpoint(builders.make_client()).secret
    (tmp_path / "worker-1.log").write_text(f"{secret} {STORM_KEY}")
    (tmp_path / "clock.log").write_text(json.dumps({"job": message.payload}))
    known = {"openids": [message.openid], "accounts": [template.account], "key": "hy_1"}
    blind, leaked = ended(tmp_path, free_address(), **known)
    assert blind == PLACES - {"log of worker-1", "log of clock"} | {"tokens"}
    assert leaked == {"secrets of webhooks", "keys of the environment", "bodies", "OpenIDs"}
