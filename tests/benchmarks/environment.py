"""PostgreSQL, Redis and Django for a benchmark; imported before anything of the project."""

import os
import subprocess
import sys
from typing import Any

os.environ.setdefault("HONGYAN_TEST_DATABASE", "postgresql")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import tests.services  # noqa: F401 - starts them and sets the environment

os.environ |= {"WECHAT_CONNECT_TIMEOUT": "3", "WECHAT_READ_TIMEOUT": "10", "LOG_LEVEL": "WARNING"}

import django

django.setup()

from django.core.management import call_command

from config.env import BASE_DIR as ROOT  # noqa: F401 - for whoever starts processes


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def measured(module: str, *arguments: str) -> float:
    """The number that `python -m module` prints last, from a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=os.environ,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    return float(answer.stdout.split()[-1])


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


Row = dict[str, Any]


def with_ratios(found: dict[str, list[float]]) -> list[Row]:
    """Against the first; a ratio is of the same round."""
    base = next(iter(found.values()))
    return [
        {
            "what": name,
            "rate": median(rates),
            "ratio": median([mine / theirs for mine, theirs in zip(rates, base, strict=True)]),
        }
        for name, rates in found.items()
    ]
