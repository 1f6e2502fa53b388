"""A client's one webhook of earlier versions becomes an endpoint for what was posted there."""

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db.migrations.loader import MigrationLoader

SECRET = "whsec_" + "A" * 43 + "="
FILL = f"""
from django.db import connection
from django.db.migrations.loader import MigrationLoader
clients = MigrationLoader(connection).project_state(%r).apps.get_model("notifier", "ApiClient")
clients.objects.create(name="a", webhook_url="https://a.example.com/h", webhook_secret={SECRET!r})
clients.objects.create(name="b", webhook_url="http://b.example.com/h")
clients.objects.create(name="c")
"""
SHOW = """
from notifier.models import WebhookEndpoint as E
for one in E.objects.all(): print(one.client, one.url, one.types, one.is_active, one.secret)
"""


@pytest.fixture
def before() -> tuple[str, str]:
    """The migration in front, whatever its number is."""
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    (own,) = (key for key in graph.nodes if key[0] == "notifier" and key[1].endswith("_webhooks"))
    (parent,) = (one.key for one in graph.node_map[own].parents if one.key[0] == "notifier")
    return parent


def test_the_one_webhook_becomes_an_endpoint(before, tmp_path, db):
    def manage(*command: str) -> str:
        database = {"DATABASE_URL": f"sqlite:///{tmp_path}/old.sqlite3"}
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=settings.BASE_DIR,
            env=os.environ | database,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout

    manage("migrate", "-v0", *before)
    manage("shell", "-v0", "-c", FILL % (before,))
    manage("migrate", "-v0")
    first, second = manage("shell", "-v0", "-c", SHOW).splitlines()
    assert first == f"a https://a.example.com/h ['message.fallback'] True {SECRET}"
    # It was never called: there was nothing to sign with.
    assert second.startswith("b http://b.example.com/h ['message.fallback'] False whsec_")
