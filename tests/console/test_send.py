"""hongyan send"""

import pytest
from django.core.management.base import CommandError

from notifier.acting import login
from notifier.models import AuditEntry, Message, State
from tests import builders
from tests.builders import DATA, magic
from tests.console.conftest import Run

VALUES = ["--data", *(f"{name}={value}" for name, value in DATA.items())]


@pytest.fixture
def template(transactional_db):
    return builders.make_template()


@pytest.fixture
def person(template):
    return builders.make_recipient(template.account, user_id="u-1")


def test_a_message_is_accepted(run: Run, template, person):
    ran = run("send", template.code, "--user", "u-1", *VALUES)
    message = Message.objects.get()
    assert (ran.code, ran.out, ran.err) == (0, f"accepted {message.id.hex}\n", "")
    assert (message.openid, message.requested_by) == (person.openid, login())
    assert message.is_test is False


def test_it_is_in_the_audit_trail(run: Run, template, person):
    run("send", template.code, "--user", "u-1", *VALUES)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor_kind, entry.actor) == ("send", "command", "hongyan (root)")
    assert entry.object_id == Message.objects.get().id.hex
    assert person.openid not in entry.after


def test_as_json_it_is_one_object(run: Run, template, person):
    told = run("send", template.code, "--openid", person.openid, *VALUES, "--json").json
    assert told["id"] == Message.objects.get().id.hex
    assert told["state"] == State.QUEUED
    assert told["to"] != person.openid


@pytest.mark.parametrize("as_json", [False, True])
def test_a_refusal_names_each_fault(run: Run, template, person, as_json):
    options = ["--json"] if as_json else []
    ran = run("send", template.code, "--openid", person.openid, *VALUES[:2], *options)
    assert ran.code == 1
    assert "/data/product" in ran.err
    if as_json:
        assert ran.json["exit_code"] == 1
        assert {one["pointer"] for one in ran.json["errors"]} == {"/data/product", "/data/at"}
    assert not Message.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_dry_run_writes_nothing(run: Run, template, person):
    ran = run("send", template.code, "--user", "u-1", *VALUES, "--dry-run", "--json")
    assert ran.code == 0
    assert ran.json["data"]["thing2"] == "云南白茶"
    assert "云南白茶" in run("send", template.code, "--user", "u-1", *VALUES, "--dry-run").out
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["x"],
        ["x", "--user", "a", "--phone", "1"],
        ["x", "--user", "a", "--data", "novalue"],
        ["x", "--user", "a", "--at", "soon"],
        ["x", "--user", "a", "--at", "2026-99-99T10:00"],
        ["x", "--user", "a", "--priority", "none"],
    ],
)
def test_wrong_arguments_are_told(run: Run, arguments):
    with pytest.raises(CommandError):
        run("send", *arguments)


def test_with_wait_one_sees_it_arrive(run: Run, platform, work, monkeypatch):
    person = platform.recipient()
    monkeypatch.setattr("notifier.console.send.time.sleep", lambda _seconds: work())
    ran = run("send", platform.template.code, "--openid", person.openid, *VALUES, "--wait", "2")
    assert ran.code == 4  # this platform gets no receipts
    assert "sent" in ran.out
    assert "the receipt has not come" in ran.err


def test_with_wait_a_failure_is_an_exit_code(run: Run, platform, work, monkeypatch):
    person = platform.recipient(magic("unfollowed"))
    monkeypatch.setattr("notifier.console.send.time.sleep", lambda _seconds: work())
    ran = run("send", platform.template.code, "--openid", person.openid, *VALUES, "--wait")
    assert ran.code == 1
    assert "failed" in ran.out
