"""What the settings ask for when the platform starts, in a process of its own."""

import os
import secrets
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet

GOOD = {
    "SECRET_KEY": "x" * 50,
    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "DATABASE_URL": "sqlite:////tmp/hongyan-none.sqlite3",
    "HONGYAN_DEMO": "0",
    "ALLOWED_HOSTS": "example.com",
}


def check(*arguments, **change):
    environment = {"PATH": os.environ["PATH"]} | GOOD | change
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_production_starts_with_what_it_needs():
    assert check().returncode == 0


def test_a_command_that_ends_soon_leaves_no_counts_behind(tmp_path):
    """Files of a process that is gone are read at each look at /metrics, for ever."""
    given = {"HONGYAN_HOME": str(tmp_path), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts")}
    assert check(**given).returncode == 0
    assert not [*tmp_path.rglob("*.db")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("FIELD_ENCRYPTION_KEYS", ""),
        ("FIELD_ENCRYPTION_KEYS", "5ecret!"),
        ("DISPATCH_CONNECTIONS", "5ecret!"),
        ("DATABASE_URL", "5ecret!"),
        ("MESSAGE_KEEP_DAYS", "6"),
        ("PORT", "99999"),
        ("SIMULATOR_PORT", "65536"),
    ],
)
def test_a_start_without_what_it_needs_names_the_variable(name, value):
    result = check(**{name: value})
    assert result.returncode != 0
    assert name in result.stderr
    assert "Traceback" not in result.stderr
    assert "5ecret!" not in result.stderr + result.stdout


@pytest.mark.parametrize("days", ["0", "7"])
def test_messages_are_kept_for_ever_or_a_week_at_least(days):
    assert check(MESSAGE_KEEP_DAYS=days).returncode == 0


def test_a_deployment_with_the_demo_on_is_refused(tmp_path):
    result = check("--deploy", HONGYAN_DEMO="1", HONGYAN_HOME=str(tmp_path))
    assert result.returncode != 0
    assert "hongyan.E006" in result.stderr


def test_a_production_without_the_demo_has_no_demo_files(tmp_path):
    check(HONGYAN_HOME=str(tmp_path))
    assert not [*tmp_path.iterdir()]


PRODUCTION = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "DATABASE_URL": "postgresql://hongyan:password@127.0.0.1:1/hongyan",
    "CSRF_TRUSTED_ORIGINS": "https://example.com",
    "HTTPS_ONLY": "1",
    "BEHIND_PROXY": "1",
    "SECOND_FACTOR_ROLES": "administrator",
}


def test_what_the_readme_asks_of_a_production_is_enough(tmp_path):
    result = check("--deploy", "--fail-level", "INFO", HONGYAN_HOME=str(tmp_path), **PRODUCTION)
    assert (result.returncode, result.stderr) == (0, "")
    assert "no issues" in result.stdout


@pytest.mark.parametrize(
    ("name", "told"),
    [("HTTPS_ONLY", "security.W004"), ("SECOND_FACTOR_ROLES", "hongyan.W004")],
)
def test_what_is_left_out_of_a_production_is_told(tmp_path, name, told):
    left = PRODUCTION | {name: ""}
    result = check("--deploy", "--fail-level", "WARNING", HONGYAN_HOME=str(tmp_path), **left)
    assert result.returncode != 0
    assert told in result.stderr


ASK = """
import django; django.setup()
from django.test import Client
for path, proto in (("/admin/login/", "http"), ("/healthz", "http"), ("/admin/login/", "https")):
    answer = Client(HTTP_HOST="example.com").get(path, HTTP_X_FORWARDED_PROTO=proto)
    print(path, proto, answer.status_code, answer.headers.get("Location"),
          answer.headers.get("Strict-Transport-Security"),
          [bool(one["secure"]) for one in answer.cookies.values()])
"""


def test_https_only_means_it(tmp_path):
    environment = {"PATH": os.environ["PATH"], "HONGYAN_HOME": str(tmp_path)} | GOOD | PRODUCTION
    environment |= {
        "DATABASE_URL": GOOD["DATABASE_URL"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "STATIC_ROOT": str(tmp_path / "static"),
    }
    for command in (["manage.py", "collectstatic", "-v0", "--no-input"], ["-c", ASK]):
        result = subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=90
        )
        assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == [
        "/admin/login/ http 301 https://example.com/admin/login/ None []",
        "/healthz http 200 None None []",
        "/admin/login/ https 200 None max-age=31536000 [True]",
    ]
