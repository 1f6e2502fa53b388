"""How the sending goes: the page, and its one button."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis import Redis

from notifier.dispatch import gate
from templates_app.models import OfficialAccount
from tests.admin.browsing import text

PAGE = "admin:sending"


def try_now(root: Client, **given: Any) -> str:
    answer = root.post(reverse(PAGE), given, follow=True)
    assert answer.status_code == 200
    return text(answer)


@pytest.fixture
def stopped(account: OfficialAccount) -> OfficialAccount:
    limits = gate.Limits(0, 0, 0)
    for _ in range(gate.FAILURES):
        gate.tell(account.pk, gate.Report(failures=1), limits, timezone.now())
    return account


def test_the_cause_is_told_in_the_readers_language(root: Client, stopped: OfficialAccount) -> None:
    assert "no usable answer" in text(root.get(reverse(PAGE)))
    chinese = text(root.get(reverse(PAGE), headers={"accept-language": "zh-hans"}))
    assert "no usable answer" not in chinese


def test_the_next_message_is_tried_now(root: Client, stopped: OfficialAccount) -> None:
    assert "The next message is tried now." in try_now(root, account=stopped.pk)
    assert gate.condition(stopped, timezone.now()).probe_at is None


@pytest.mark.parametrize("given", [{}, {"account": "x"}, {"account": "9" * 5_000}, {"account": 0}])
def test_an_account_that_is_none_is_told(
    root: Client, account: OfficialAccount, given: dict[str, Any]
) -> None:
    assert "There is no such account." in try_now(root, **given)


def test_redis_that_is_away_is_told(
    root: Client, stopped: OfficialAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Redis.from_url("unix:///nonexistent/redis.sock")
    monkeypatch.setattr(gate, "redis", lambda: gone)
    shown = try_now(root, account=stopped.pk)
    assert "Redis does not answer: nothing is sent until it is back." in shown
    assert "tried now" not in shown
