"""hongyan status, hongyan accounts"""

from datetime import timedelta

import pytest
from redis import RedisError

from notifier.dispatch import clock, gate
from notifier.models import Priority
from templates_app.models import MessageTemplate
from tests import builders
from tests.builders import now
from tests.console.conftest import Run

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_is_well(run: Run, running):
    template = builders.make_template(builders.make_account(slug="shop"))
    person = builders.make_recipient(template.account)
    for priority in (Priority.NORMAL, Priority.NORMAL, Priority.BULK):
        builders.make_message(template, person, priority=priority)
    ran = run("status", "--json")
    assert (ran.code, ran.json["ok"], ran.json["problems"]) == (0, True, [])
    (account,) = ran.json["accounts"]
    assert account["waiting"] == {"urgent": 0, "normal": 2, "bulk": 1}
    assert (account["state"], account["quota_left"]) == ("sends", 100_000)
    assert [one["worker"] for one in ran.json["workers"]] == ["one"]
    people = run("status")
    assert people.code == 0
    for part in ("shop", "sends", "100,000", "Everything works."):
        assert part in people.out


def test_an_account_that_cannot_send_is_told(run: Run, running):
    account = builders.make_account(slug="shop")
    gate.tell(account.pk, gate.Report(cause="errcode 40125: x"), gate.Limits.of(account), now())
    ran = run("status", "--json")
    assert ran.code == 1
    assert ran.json["problems"] == ["account shop cannot send: errcode 40125: x"]


def test_a_held_template_is_told(run: Run, running):
    template = builders.make_template()
    MessageTemplate.objects.filter(pk=template.pk).update(held_since=now(), held_because="x")
    assert run("status", "--json").json["problems"] == [f"template {template.code} is held: x"]


def test_no_worker_and_no_clock_are_told(run: Run):
    builders.make_account()
    ran = run("status")
    assert ran.code == 1
    for text in ("No worker listens to urgent, receipts", "The clock does not run."):
        assert text in ran.out


def test_a_clock_that_stopped_is_told(run: Run, running):
    clock.beat(now() - timedelta(minutes=4))
    (problem,) = run("status", "--json").json["problems"]
    assert problem.startswith("The clock does not run. Start manage.py clock")


def test_a_redis_that_is_away_is_told(run: Run, monkeypatch):
    def away(*_args):
        raise RedisError

    builders.make_account()
    monkeypatch.setattr(gate, "condition", away)
    ran = run("status", "--json")
    assert (ran.code, ran.json["exit_code"]) == (3, 3)


def test_accounts_are_listed(run: Run):
    account = builders.make_account(slug="shop", name="鸿雁商城")
    builders.make_template(account)
    builders.make_template(account)
    for state in ("following", "following", "unfollowed"):
        builders.make_recipient(account, state=state)
    builders.make_account(slug="z-off", is_active=False)
    first, second = run("accounts", "--json").json["accounts"]
    assert (first["account"], first["templates"], first["followers"]) == ("shop", 2, 2)
    assert (second["active"], second["followers"]) == (False, 0)
    assert "鸿雁商城" in run("accounts").out
