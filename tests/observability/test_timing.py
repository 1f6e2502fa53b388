"""How long requests take, as Prometheus, a log and a browser are told."""

import re
import time

import pytest
from django.contrib.auth.models import User

from notifier.api import views
from tests.observability.test_metrics import value

ROUTE = "api/v1/messages"


def count(client, status, route=ROUTE):
    labels = rf'\{{method="POST",route="{re.escape(route)}",status="{status}"\}}'
    return value(client, f"hongyan_request_seconds_count{labels}")


def test_requests_are_timed_by_route_and_outcome(api, client):
    before = count(client, "4xx")
    for _ in range(3):
        assert api.post(f"/{ROUTE}", {}, format="json").status_code == 422
    assert count(client, "4xx") == before + 3


def test_whatever_is_asked_makes_no_new_series(db, client):
    for path in ("/nowhere/1", "/nowhere/2"):
        assert client.get(path).status_code == 404
    client.generic("BREW", "/api/v1/messages")
    page = client.get("/metrics").content.decode()
    assert "nowhere" not in page
    assert "BREW" not in page


def test_a_slow_request_is_told_without_what_it_asked_for(api, monkeypatch, settings, caplog):
    settings.SLOW_REQUEST_SECONDS = 0.05
    look = views.OneMessage.get

    def slowly(*args, **named):
        time.sleep(0.1)
        return look(*args, **named)

    monkeypatch.setattr(views.OneMessage, "get", slowly)
    api.get("/api/v1/messages/0192f000000070008000000000000000?secret=x")
    (line,) = [one.getMessage() for one in caplog.records if one.getMessage().startswith("slow:")]
    assert re.fullmatch(r"slow: GET /api/v1/messages/<.*> 404 took 0\.\d\d s", line)


@pytest.mark.django_db
def test_staff_see_in_their_browser_where_the_time_went(client):
    client.force_login(User.objects.create_superuser("root-timing"))
    told = client.get("/admin/")["Server-Timing"]
    assert re.fullmatch(r'db;dur=[\d.]+;desc="\d+ statements", all;dur=[\d.]+', told)


@pytest.mark.django_db
def test_nobody_else_does(client, api):
    assert "Server-Timing" not in client.get("/admin/login/")
    assert "Server-Timing" not in api.get("/api/v1/templates")
