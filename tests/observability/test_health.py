"""The probes: alive, and able to work."""

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from notifier.observability import health
from notifier.observability.standing import standing


def test_a_process_is_alive_without_anything(dead_redis):
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_process_is_ready_when_all_answer():
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()["checks"].values()) == {"ok"}


@pytest.mark.django_db
def test_a_process_without_redis_is_not_ready(dead_redis):
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    checks = answer.json()["checks"]
    assert (checks["database"], checks["redis"]) == ("ok", "no answer (ConnectionError)")


def test_a_process_without_its_database_is_not_ready(no_database):
    answer = Client(raise_request_exception=False).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "no answer (OperationalError)"
    assert answer.json()["checks"]["redis"] == "ok"


@pytest.mark.django_db
def test_people_read_in_their_language_and_programs_in_english(dead_redis, monkeypatch):
    left = health.Word(health.NOT_APPLIED, {"count": 2})
    monkeypatch.setitem(health._CHECKS, "migrations", lambda: left)
    with override("zh-hans"):
        found = standing(timezone.now())
    assert found.checks == {
        "database": "ok",
        "migrations": "有 2 个尚未应用，请运行 manage.py migrate",
        "redis": "没有应答（ConnectionError）",
    }
    said = " ".join(one.text for one in found.troubles)
    assert "有 2 个尚未应用" in said
    assert "没有应答（ConnectionError）" in said
    answer = Client().get("/readyz", headers={"Accept-Language": "zh-hans"})
    assert answer.json()["checks"] == {
        "database": "ok",
        "migrations": "2 not applied: run manage.py migrate",
        "redis": "no answer (ConnectionError)",
    }


@pytest.mark.django_db
def test_a_probe_tells_nothing_about_where_things_are(dead_redis):
    assert b"nonexistent" not in Client().get("/readyz").content


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_takes_only_reads(path):
    assert Client().post(path).status_code == 405
