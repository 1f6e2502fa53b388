"""The command as somebody types it: what it prints, and its exit code."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command

from notifier.acting import Actor, acting


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run() -> Run:
    def command(*arguments: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        try:
            with acting(lambda: Actor("command", "hongyan (root)")):
                call_command("hongyan", *map(str, arguments), stdout=out, stderr=err)
        except SystemExit as end:
            code = int(end.code or 0)
        return Ran(code, out.getvalue(), err.getvalue())

    return command
