"""Probes: /healthz says that the process is alive, /readyz that it can do its work."""

from collections.abc import Callable

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis import RedisError

from notifier.dispatch.lanes import redis


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 or 503, with a word for each part: ok, or what is wrong."""
    found = checks()
    ready = all(word == "ok" for word in found.values())
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", "checks": found},
        status=200 if ready else 503,
    )


def checks() -> dict[str, str]:
    """Database, migrations, Redis: ok, or what is wrong, without where they are."""
    return {name: check() for name, check in _CHECKS.items()}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        return f"no answer ({type(error).__name__})"
    return "ok"


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        return f"no answer ({type(error).__name__})"
    return f"{len(missing)} not applied: run manage.py migrate" if missing else "ok"


def _redis() -> str:
    try:
        redis().ping()
    except RedisError as error:
        return f"no answer ({type(error).__name__})"
    return "ok"


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
}
