"""What the settings ask for when the platform starts, in a process of its own."""

import os
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("FIELD_ENCRYPTION_KEYS", ""),
        ("FIELD_ENCRYPTION_KEYS", "5ecret!"),
        ("DISPATCH_CONNECTIONS", "5ecret!"),
        ("DATABASE_URL", "5ecret!"),
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


def test_a_deployment_with_the_demo_on_is_refused(tmp_path):
    result = check("--deploy", HONGYAN_DEMO="1", HONGYAN_HOME=str(tmp_path))
    assert result.returncode != 0
    assert "hongyan.E006" in result.stderr


def test_a_production_without_the_demo_has_no_demo_files(tmp_path):
    check(HONGYAN_HOME=str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["metrics"]
