"""The probes: alive, and able to work."""

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from notifier.dispatch.lanes import redis
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
def test_a_redis_that_only_answers_is_not_enough():
    """A replica after a failover; a full one."""
    found = []
    for spoil in (
        lambda: redis().replicaof("127.0.0.1", "9"),
        lambda: redis().config_set("maxmemory", 1),
    ):
        spoil()
        try:
            answer = Client().get("/readyz")
        finally:
            redis().replicaof("NO", "ONE")
            redis().config_set("maxmemory", 0)
        found.append((answer.status_code, answer.json()["checks"]["redis"]))
    assert found == [
        (503, "read-only: nothing can be written"),
        (503, "its memory is full: nothing can be written"),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such state")
def test_a_database_that_only_reads_is_not_enough():
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        answer = Client().get("/readyz")
    finally:
        connection.close()
    assert answer.json()["checks"]["database"] == "read-only: nothing can be written"


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


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 404), ("/admin/", 400)]
)
def test_probes_may_ask_by_address(settings, path, status):
    """As load balancers and Prometheus do; /metrics is 404 without its token."""
    settings.METRICS_TOKEN = "only-for-prometheus"
    answer = Client(HTTP_HOST="10.0.0.5:8000", raise_request_exception=False).get(path)
    assert answer.status_code == status
