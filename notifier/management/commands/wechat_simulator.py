"""`manage.py wechat_simulator`: runs the local WeChat; refuses outside the demo."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notifier.simulator.server import run


class Command(BaseCommand):
    help = "Run a faithful WeChat on this machine, for the demo and for tests."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--accounts", type=Path, help="JSON file with the official accounts")
        parser.add_argument(
            "--latency-ms", type=float, default=0.0, help="median answer time (log-normal)"
        )

        parser.add_argument(
            "--certificate", type=Path, help="PEM file: serve HTTPS; made when it is missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "HONGYAN_DEMO", False):
            raise CommandError("The simulator runs only in the demo: set HONGYAN_DEMO=true.")
        run(
            options["host"],
            options["port"],
            options["accounts"],
            options["latency_ms"],
            options["certificate"],
        )
