"""RQ's own pages and figures: for those who may administer the queues, every one of them."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, reverse
from redis import Redis

from notifier.admin.queues import PERMISSION, queue_pages
from tests.admin.conftest import StaffMaker

ARGUMENTS: dict[str, Any] = {"IntConverter": 0, "StringConverter": "x", "PathConverter": "x"}


def where(pattern: URLPattern) -> str:
    kinds = pattern.pattern.converters
    given = {name: ARGUMENTS[type(kind).__name__] for name, kind in kinds.items()}
    if "token" in getattr(pattern.pattern, "regex", pattern.pattern).groupindex:  # type: ignore[union-attr]
        given["token"] = "x"
    return reverse(f"django_rq:{pattern.name}", kwargs=given)


ADDRESSES = [where(pattern) for pattern in queue_pages]


def test_all_kinds_of_pages_are_here() -> None:
    named = {str(pattern.name) for pattern in queue_pages}
    assert {"home", "home_json", "metrics", "jobs", "job_detail", "clear", "stop_job"} <= named
    assert len(ADDRESSES) > 20


@pytest.mark.parametrize("address", ADDRESSES)
def test_staff_without_the_permission_sees_none(
    staff: StaffMaker, client: Client, address: str
) -> None:
    newcomer = staff("notifier.view_message", "auth.view_user")
    outsider = staff(PERMISSION, is_staff=False)
    for method in ("get", "post"):
        assert getattr(newcomer, method)(address).status_code == 403
        for visitor in (client, outsider):
            answer = getattr(visitor, method)(address)
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("name", ["home", "home_json", "metrics"])
def test_who_may_administer_the_queues_sees_their_figures(staff: StaffMaker, name: str) -> None:
    assert staff(PERMISSION).get(reverse(f"django_rq:{name}")).status_code == 200


@pytest.mark.parametrize("name", ["home", "home_json"])
def test_redis_that_is_away_is_told(
    staff: StaffMaker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    gone = Redis(host="127.0.0.1", port=9, socket_connect_timeout=1)
    monkeypatch.setattr("django_rq.queues.get_redis_connection", lambda *_: gone)
    answer = staff(PERMISSION).get(reverse(f"django_rq:{name}"))
    assert answer.status_code == 503
    assert "Redis does not answer" in answer.content.decode()
