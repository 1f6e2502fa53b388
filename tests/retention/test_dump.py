"""README's backup and restore, by the databases' own tools."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from notifier.models import Message, State
from tests import builders
from tests.chaos.processes import database_url
from tests.conftest import Platform

pytestmark = pytest.mark.django_db(transaction=True)
RESTORED = "hongyan_restored"
STATES = (
    "from notifier.models import Message; "
    "print(*Message.objects.order_by('state').values_list('state', flat=True))"
)


@pytest.fixture
def dump(tmp_path: Path) -> Iterator[Path]:
    """Where to; afterwards the restored database goes."""
    yield tmp_path / "hongyan.dump"
    if connection.vendor == "postgresql":
        tool("dropdb", "--if-exists", f"--maintenance-db={database_url()}", restored_name())


def restored_name() -> str:
    """Processes of the test run share a server."""
    return f"{RESTORED}_{os.getpid()}"


def tool(name: str, *arguments: str) -> None:
    """The server's own: a distribution's may be too old for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        folder = Path(cursor.fetchone()[0])
    subprocess.run([folder / name, *arguments], check=True, timeout=60)


def back_up(to: Path) -> None:
    if connection.vendor == "postgresql":
        return tool("pg_dump", "-Fc", f"--file={to}", database_url())
    source = sqlite3.connect(connection.settings_dict["NAME"])
    with closing(source), closing(sqlite3.connect(to)) as target:
        source.backup(target)  # what `.backup` of the program sqlite3 does


def restore(dump: Path) -> str:
    """-> DATABASE_URL of the restored one."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{dump}"
    name = restored_name()
    url = database_url().replace(f"/{connection.settings_dict['NAME']}?", f"/{name}?")
    tool("createdb", f"--maintenance-db={database_url()}", name)
    tool("pg_restore", f"--dbname={url}", str(dump))
    return url


def manage(url: str, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def test_what_was_sent_after_the_backup_is_parked_in_the_restored_one(
    platform: Platform, work: Callable[[], None], dump: Path
) -> None:
    get_user_model().objects.create_user("li")
    builders.set_message(platform.message(), state=State.SENT)
    waits = platform.message()
    back_up(dump)
    work()
    assert len(platform.received()) == 1
    url = restore(dump)
    code, said = manage(url, "backup_check")
    assert code == 1
    assert "ok  keys: " in said
    assert "BAD waiting: 1 messages that were due" in said
    assert manage(url, "backup_check", "--park")[0] == 0
    assert manage(url, "shell", "--no-imports", "-c", STATES) == (0, "sent unknown\n")
    assert Message.objects.get(pk=waits.pk).state == State.SENT  # the other database is as it was


def test_a_database_that_does_not_answer_is_told_so() -> None:
    code, said = manage("sqlite:////nonexistent/hongyan.sqlite3", "backup_check")
    assert code == 1
    assert said == (
        "BAD migrations: the database cannot be read (OperationalError). Is DATABASE_URL right?\n"
    )
