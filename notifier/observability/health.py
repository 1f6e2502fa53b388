"""Probes: /healthz says that the process is alive, /readyz that it can do its work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_safe
from redis import RedisError
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from notifier.dispatch.lanes import redis


@dataclass(frozen=True, slots=True)
class Word:
    """Of a part; an English msgid and what stands in it."""

    text: str = "ok"
    given: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        return self.text == "ok"

    def __str__(self) -> str:
        """For programs."""
        return self.text % self.given

    def shown(self) -> str:
        """In the reader's language."""
        return gettext(self.text) % self.given


OK = Word()
NO_ANSWER = gettext_noop("no answer (%(error)s)")
READ_ONLY = gettext_noop("read-only: nothing can be written")
FULL = gettext_noop("its memory is full: nothing can be written")
NOT_APPLIED = gettext_noop("%(count)d not applied: run manage.py migrate")


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 or 503, with a word for each part: ok, or what is wrong."""
    found = checks()
    ready = all(word.is_ok for word in found.values())
    words = {name: str(word) for name, word in found.items()}
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", "checks": words},
        status=200 if ready else 503,
    )


def checks() -> dict[str, Word]:
    """Database, migrations, Redis: ok, or what is wrong, without where they are."""
    return {name: check() for name, check in _CHECKS.items()}


def _database() -> Word:
    try:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SHOW transaction_read_only")
                return Word(READ_ONLY) if cursor.fetchone() == ("on",) else OK
            cursor.execute("SELECT 1")
    except Error as error:
        return _no_answer(error)
    return OK


def _migrations() -> Word:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        return _no_answer(error)
    return Word(NOT_APPLIED, {"count": len(missing)}) if missing else OK


def _redis() -> Word:
    try:
        redis().set("hongyan:ready", 1, ex=60)  # one that is full, or a replica, answers a ping
    except ReadOnlyError:
        return Word(READ_ONLY)
    except OutOfMemoryError:
        return Word(FULL)
    except RedisError as error:
        return _no_answer(error)
    return OK


def _no_answer(error: Exception) -> Word:
    return Word(NO_ANSWER, {"error": type(error).__name__})


_CHECKS: dict[str, Callable[[], Word]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
}
