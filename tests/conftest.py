"""Fixtures for all: the database's file, an empty Redis, the simulator, a platform to talk to."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import django_rq
import pytest
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone, translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from redis import Redis
from rest_framework.test import APIClient
from rq import Queue, Worker

from notifier.dispatch import clock, lanes
from notifier.dispatch.lanes import redis
from notifier.dispatch.sender import sender
from notifier.dispatch.waker import waker
from notifier.models import ApiClient, Scope, keys
from notifier.receipts import process, receivers
from notifier.tracing import allowance, sdk
from templates_app import compiled, sendable, wechat
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders, emptying
from tests.observability.otlp import Collector, collecting
from tests.simulator.process import SimulatorProcess

# The same examples in every run, however slow the machine is: a red run must mean a change.
hypothesis_settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("steady")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """A file in place of SQLite's memory, so that processes under test see the same rows."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    database = connections["default"].settings_dict
    if database["ENGINE"].endswith("sqlite3"):
        database["TEST"]["NAME"] = str(settings.HONGYAN_HOME / f"test-{worker}.sqlite3")
    else:
        database["TEST"]["NAME"] = f"test_hongyan_{worker}"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """PostgreSQL drops no database that somebody talks to, and a thread of a live server may have
    kept its connection."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True, scope="session")
def _emptied() -> None:
    emptying.install()


MANY = 1000
"""Of fewer tests, somebody has chosen them: all are run."""
DATABASES = frozenset({"db", "transactional_db", "live_server"})
ANY_DATABASE = (
    *("tests/e2e/test_demo", "tests/config/", "tests/admin/test_roles.py"),
    *("tests/admin/test_permissions.py", "tests/admin/test_account_limits.py"),
    *("tests/admin/test_profiles.py", "tests/api/test_refusals.py", "tests/guide/"),
    *("tests/anomalies/test_simulator.py", "tests/admin/test_menu.py"),
    *(
        "tests/gateway/test_wechatpy.py",
        "tests/gateway/test_keys.py",
        "tests/webhooks/test_guard.py",
    ),
    *("tests/e2e/test_alerting.py", "tests/doctor/test_faults.py"),
)
"""What these look at does not depend on it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """On PostgreSQL, the second run, only what asks the database; what kills processes only there,
    where it is as in production."""
    if len(items) < MANY:
        return
    is_postgresql = os.environ.get("HONGYAN_TEST_DATABASE") == "postgresql"
    left_out = {item for item in items if not _belongs(item, is_postgresql)}
    config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
    items[:] = [item for item in items if item not in left_out]


def _belongs(item: Any, is_postgresql: bool) -> bool:
    if item.nodeid.startswith(ANY_DATABASE):
        return not is_postgresql
    if item.get_closest_marker("chaos"):
        return is_postgresql
    asks = item.get_closest_marker("django_db") or DATABASES & set(item.fixturenames)
    return bool(asks) or not is_postgresql


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """Django's own hash takes a third of a second on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _woken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not beside the request: the tests look at once. The thread has tests of its own."""
    for one in (waker, process.waker):
        monkeypatch.setattr(one, "soon", lanes.wake_job)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    redis().flushdb()
    sender().stopping.clear()
    keys.memory.forget()
    sendable.memory.forget()
    receivers.memory.forget()
    compiled.published.cache_clear()  # a rolled back test's ids come again
    translation.deactivate()  # a page that was read in Chinese leaves the thread so
    yield
    sender().finish(20)
    wechat._clients.clear()
    assert not sdk.provider.cache_info().currsize  # it would export, and draw, amid later tests


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A real OTLP endpoint, to which this process exports."""
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        allowance.of.cache_clear()
        sdk.forget()
        yield collector
        sdk.provider().shutdown()
    sdk.forget()


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[SimulatorProcess]:
    process = SimulatorProcess([])
    yield process
    process.stop()


@pytest.fixture
def simulator(simulator_process: SimulatorProcess) -> SimulatorProcess:
    simulator_process.control("POST", "/reset")
    return simulator_process


class Platform:
    """An account that the simulator knows, with a template, as the demo has them."""

    def __init__(self, simulator: SimulatorProcess, callback: str, mode: str) -> None:
        self.simulator = simulator
        self.account: OfficialAccount = builders.make_account(
            api_base_url=simulator.url,
            encoding_aes_key="" if mode == "plain" else "k" * 43,
            callback_mode=mode,
        )
        self.template: MessageTemplate = builders.make_template(self.account)
        self.configure(callback_url=callback and f"{callback}/wechat/{self.account.slug}/callback")

    def configure(self, **values: Any) -> None:
        account, version = self.account, self.template.published
        assert version is not None
        template = {
            "template_id": version.wechat_template_id,
            "title": version.title,
            "content": version.content,
        }
        known = {
            "appid": account.appid,
            "secret": account.app_secret,
            "original_id": account.original_id,
            "name": account.name,
            "callback_token": account.callback_token,
            "encoding_aes_key": account.encoding_aes_key,
            "callback_mode": account.callback_mode,
            "templates": [template],
            "followers": [],
        }
        self.simulator.control("POST", "/accounts", known | values)

    def recipient(self, openid: str = "", **values: Any) -> Any:
        """A follower on both sides; magic ones the simulator knows anyhow."""
        row = builders.make_recipient(self.account, openid=openid or builders.openid(), **values)
        if not openid.startswith("oSIM-"):
            follow = {"appid": self.account.appid, "openid": row.openid, "subscribe": True}
            self.simulator.control("POST", "/follow", follow)
        return row

    def message(self, openid: str = "", **values: Any) -> Any:
        return builders.make_message(self.template, self.recipient(openid), **values)

    def received(self) -> list[dict[str, Any]]:
        path = f"/messages?appid={self.account.appid}&limit=100000"
        return list(self.simulator.control("GET", path)["messages"])

    def counters(self) -> dict[str, Any]:
        state = self.simulator.control("GET", "/state")
        return next(
            one["counters"] for one in state["accounts"] if one["appid"] == self.account.appid
        )


@pytest.fixture
def platform(transactional_db: None, simulator: SimulatorProcess) -> Iterator[Platform]:
    """Without a callback address: no receipts come."""
    yield Platform(simulator, "", "plain")
    sender().finish(20)  # while there is still a database to settle in


@pytest.fixture
def work() -> Callable[[], None]:
    """Runs the queues' jobs in this process until the queues are empty."""

    def run() -> None:
        django_rq.get_worker(
            *settings.RQ_QUEUES,
            worker_class="notifier.dispatch.worker.DispatchWorker",
            serializer="rq.serializers.JSONSerializer",
        ).work(burst=True, logging_level="WARNING")

    return run


@pytest.fixture
def service(transactional_db: None) -> ApiClient:
    return builders.make_client()


@pytest.fixture
def api(service: ApiClient) -> APIClient:
    """A calling service with its key."""
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {service.make_key(scopes=Scope.values)}")
    client.raise_request_exception = False
    return client


@pytest.fixture
def dead_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens where the queues and locks are looked for."""
    connection = Redis.from_url("unix:///nonexistent/redis.sock")
    monkeypatch.setattr(lanes, "queue", lambda name: Queue(name, connection=connection))


@pytest.fixture
def running() -> Iterator[Worker]:
    """A worker that is known to listen to everything, and a clock that was just heard."""
    clock.beat(timezone.now())
    queues = [django_rq.get_queue(name) for name in settings.RQ_QUEUES]
    worker = Worker(queues, connection=queues[0].connection, name="one")
    worker.register_birth()
    yield worker
    worker.register_death()
