"""The management command: only in the demo."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError


def test_the_command_refuses_outside_the_demo(settings: Any) -> None:
    settings.HONGYAN_DEMO = False
    with pytest.raises(CommandError, match="HONGYAN_DEMO"):
        call_command("wechat_simulator", port=1)
