"""How the sending goes: the page, and its one button."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis import Redis
from rq import Worker
from rq.utils import utcformat

from notifier.dispatch import gate
from notifier.models import State
from notifier.models.counts import Tally, add_counts
from templates_app.access import limit
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders
from tests.admin.browsing import text

PAGE = "admin:sending"


def try_now(root: Client, **given: Any) -> str:
    answer = root.post(reverse(PAGE), given, follow=True)
    assert answer.status_code == 200
    return text(answer)


@pytest.fixture
def template(account: OfficialAccount) -> MessageTemplate:
    return builders.make_template(account)


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


def test_the_platform_is_told_with_its_workers(
    root: Client, account: OfficialAccount, running: Worker
) -> None:
    said = text(root.get(reverse(PAGE)))
    for part in ("database", "clock, last heard at", "urgent, receipts", "waits for work"):
        assert part in said, part
    assert "What to do" not in said
    assert str(running.pid) in said


def test_what_is_not_there_is_told_with_what_to_do(root: Client, account: OfficialAccount) -> None:
    page = root.get(reverse(PAGE))
    for part in ("No worker listens to urgent", "Start manage.py worker", "No worker is known."):
        assert part in text(page), part
    for runbook in ("no-worker", "clock-silent"):
        assert f"/runbooks/en/{runbook}/" in page.content.decode()
        assert root.get(f"/runbooks/en/{runbook}/").status_code == 200
    chinese = root.get(reverse(PAGE), headers={"accept-language": "zh-hans"})
    assert "/runbooks/zh/clock-silent/" in chinese.content.decode()
    assert "The clock does not run" not in text(chinese)


def test_a_worker_that_is_silent_is_told(
    root: Client, running: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.connection.hset(
        running.key, "last_heartbeat", utcformat(timezone.now() - timedelta(minutes=2))
    )
    assert f"The worker one on {running.hostname} is silent." in text(root.get(reverse(PAGE)))


def test_redis_that_is_away_hides_no_account(
    root: Client, account: OfficialAccount, dead_redis: None
) -> None:
    said = text(root.get(reverse(PAGE)))
    assert "Redis: no answer (ConnectionError)" in said
    assert account.name in said


def test_what_waits_and_what_was_sent_last(
    root: Client, template: MessageTemplate, running: Worker
) -> None:
    message = builders.make_message(template)
    builders.set_message(message, due_at=timezone.now() - timedelta(seconds=90))
    said = text(root.get(reverse(PAGE)))
    assert re.search(r"normal 1 wait; the first for 9\d s", said)
    assert "WeChat took no message within a week." in said
    at = timezone.now() - timedelta(hours=3)
    for state in (State.SENT, State.DELIVERED):
        key = (template.account_id, template.pk, state.value, 0)
        add_counts({key: Tally(1)}, at)
    told = timezone.localtime(at).strftime("%m-%d %H:%M")
    said = text(root.get(reverse(PAGE)))
    assert f"WeChat last took a message at {told}." in said
    assert f"The last receipt came at {told}." in said


def test_another_accounts_lanes_are_not_shown(root: Client, template: MessageTemplate) -> None:
    other = builders.make_template(builders.make_account(name="Elsewhere"))
    message = builders.make_message(other)
    builders.set_message(message, due_at=timezone.now() - timedelta(seconds=90))
    user = User.objects.create_user("limited", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    limit(user, [template.account])
    person = Client()
    person.force_login(user)
    assert "Elsewhere" in text(root.get(reverse(PAGE)))
    said = text(person.get(reverse(PAGE)))
    assert template.account.name in said
    assert "Elsewhere" not in said
    assert "wait; the first" not in said
