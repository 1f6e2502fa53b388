"""Whatever way an audited row is changed, the change records itself, in the same transaction."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifier.acting import Actor, acting
from notifier.audit import capture, watched
from notifier.models import (
    ApiClient,
    ApiKey,
    AuditEntry,
    Recipient,
    RecipientState,
    Suppression,
)
from templates_app.models import MessageTemplate, OfficialAccount, TemplateField
from templates_app.publishing import publish
from templates_app.versions import copy_newest
from tests import builders
from tests.audit.conftest import last, trail

SECRETS = ("app_secret", "callback_token", "encoding_aes_key", "previous_aes_key")


def told(entry: AuditEntry) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return entry.action, json.loads(entry.before), json.loads(entry.after)


@pytest.fixture
def template(db: None) -> MessageTemplate:
    """Made by nobody."""
    made = builders.make_template(code="order-shipped")
    assert trail() == []
    return made


def test_a_saved_row_tells_who_when_and_each_field(template: MessageTemplate, anna: Actor) -> None:
    template.name, template.daily_cap = "Shipped", 3
    template.save()
    entry = last()
    assert told(entry) == (
        "change",
        {"name": "Order", "daily_cap": 0},
        {"name": "Shipped", "daily_cap": 3},
    )
    assert (entry.actor_kind, entry.actor, entry.address) == ("user", "anna", "192.0.2.7")
    assert entry.request_id == "request-1"
    assert entry.object_type == "templates_app.messagetemplate"
    assert entry.object_id == str(template.pk)
    assert entry.object_name == "Shipped (order-shipped)"
    assert abs((timezone.now() - entry.at).total_seconds()) < 60


WAYS: dict[str, Callable[[MessageTemplate], object]] = {
    "save": lambda row: _set(row).save(),
    "save of one field": lambda row: _set(row).save(update_fields=["name"]),
    "update": lambda row: MessageTemplate.objects.filter(pk=row.pk).update(name="Shipped"),
    "update of a relation": lambda row: row.account.templates.update(name="Shipped"),
    "bulk_update": lambda row: MessageTemplate.objects.bulk_update([_set(row)], ["name"]),
    "update_or_create": lambda row: MessageTemplate.objects.update_or_create(
        pk=row.pk, defaults={"name": "Shipped"}
    ),
    "base manager": lambda row: MessageTemplate._base_manager.update(name="Shipped"),
}


def _set(row: MessageTemplate) -> MessageTemplate:
    row.name = "Shipped"
    return row


@pytest.mark.parametrize("way", WAYS)
def test_no_way_around(template: MessageTemplate, anna: Actor, way: str) -> None:
    WAYS[way](template)
    assert [told(one) for one in trail()] == [("change", {"name": "Order"}, {"name": "Shipped"})]


@pytest.mark.parametrize("way", WAYS)
def test_the_machine_writes_no_row(template: MessageTemplate, way: str) -> None:
    WAYS[way](template)
    assert trail() == []
    template.refresh_from_db()
    assert template.name == "Shipped"


def test_what_is_saved_as_it_was_is_no_change(template: MessageTemplate, anna: Actor) -> None:
    template.save()
    MessageTemplate.objects.update(name="Order")
    assert trail() == []


def test_expressions_are_told_as_what_they_made(template: MessageTemplate, anna: Actor) -> None:
    MessageTemplate.objects.update(daily_cap=F("daily_cap") + 2)
    assert told(last()) == ("change", {"daily_cap": 0}, {"daily_cap": 2})


def test_a_new_row_tells_what_it_holds(anna: Actor) -> None:
    builders.make_account(slug="shop", name="Shop")
    action, before, after = told(last())
    assert (action, before) == ("add", {})
    assert after["slug"] == "shop"
    assert "api_base_url" not in after  # it is empty


def test_bulk_create_tells_each_row(template: MessageTemplate, anna: Actor) -> None:
    people = [Recipient(account=template.account, openid=builders.openid()) for _ in range(3)]
    Recipient.objects.bulk_create(people)
    assert [one.action for one in trail()] == ["add"] * 3
    assert {one.object_id for one in trail()} == {str(one.pk) for one in people}


def test_a_deleted_row_tells_what_was_lost(template: MessageTemplate, anna: Actor) -> None:
    person = builders.make_recipient(template.account)
    Suppression.objects.create(recipient=person, template=template, since=timezone.now())
    before = len(trail())
    Recipient.objects.filter(pk=person.pk).delete()  # and what hangs on it
    found = trail()[before:]
    assert {(one.action, one.object_type) for one in found} == {
        ("delete", "notifier.recipient"),
        ("delete", "notifier.suppression"),
    }
    assert all(one.after == "{}" and one.before != "{}" for one in found)


def test_many_at_once_are_one_row(
    template: MessageTemplate, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "BY_ROW", 2)
    Recipient.objects.bulk_create(
        Recipient(account=template.account, openid=builders.openid()) for _ in range(3)
    )
    assert told(last()) == ("add", {}, {"rows": 3})
    Recipient.objects.update(state=RecipientState.REFUSED)
    assert told(last()) == ("change", {}, {"rows": 3, "fields": ["state"]})
    assert len(trail()) == 2
    assert set(Recipient.objects.values_list("state", flat=True)) == {RecipientState.REFUSED}


def test_a_change_that_is_rolled_back_leaves_no_row(template: MessageTemplate, anna: Actor) -> None:
    with transaction.atomic():
        MessageTemplate.objects.update(name="Shipped")
        assert len(trail()) == 1
        transaction.set_rollback(True)
    assert trail() == []


def test_a_record_that_fails_takes_the_change_with_it(
    template: MessageTemplate, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "record", lambda *_args, **_kwargs: 1 / 0)
    for way in (template.save, lambda: MessageTemplate.objects.update(name="Shipped")):
        template.name = "Shipped"
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            way()
    assert MessageTemplate.objects.get().name == "Order"


def test_secrets_are_never_written_down(anna: Actor) -> None:
    values = {name: f"S3cret{name}".ljust(43, "x") for name in SECRETS}
    account = builders.make_account(**values, callback_mode="safe")
    account.app_secret = "An0therS3cret"
    account.callback_token = ""
    account.save()
    client = builders.make_client()
    builders.make_endpoint(client, secret="whsec_" + "S3cret" * 6)
    key = client.make_key()
    user = User.objects.create_user("li", password="S3cretPassword")
    user.set_password("An0therS3cret")
    user.save()
    written = "".join(f"{one.before}{one.after}{one.object_name}" for one in trail())
    assert "S3cret" not in written
    assert key[3:] not in written
    for digest in (ApiKey.objects.get().digest, user.password):
        assert digest not in written
    changed = next(one for one in trail() if one.action == "change")
    assert told(changed) == (
        "change",
        {"app_secret": "[secret]", "callback_token": "[secret]"},
        {"app_secret": "[secret]", "callback_token": ""},
    )
    assert told(last()) == ("change", {"password": "[secret]"}, {"password": "[secret]"})


def test_a_secret_saved_as_it_was_is_no_change(anna: Actor) -> None:
    account = builders.make_account()
    count = len(trail())
    OfficialAccount.objects.get(pk=account.pk).save()  # encrypted anew, and the same
    assert len(trail()) == count


def test_personal_data_is_masked(template: MessageTemplate, anna: Actor) -> None:
    person = builders.make_recipient(
        template.account, name="李雷", user_id="13800138000", email="lilei@example.com"
    )
    person.name = "李小雷"
    person.save()
    written = "".join(f"{one.before}{one.after}{one.object_name}" for one in trail())
    for data in (person.openid, "李雷", "李小雷", "13800138000", "lilei"):
        assert data not in written
    assert told(last()) == ("change", {"name": "李…"}, {"name": "李…"})
    person.attributes = {"city": "杭州", "vip": True}
    person.save()
    assert told(last()) == ("change", {"attributes": {}}, {"attributes": {"city": "…", "vip": "…"}})


def test_publishing_holding_releasing_and_revoking_have_names_of_their_own(
    template: MessageTemplate, anna: Actor
) -> None:
    draft = copy_newest(template)
    assert draft is not None
    publish(draft, by="anna")
    MessageTemplate.objects.update(held_since=timezone.now(), held_because="errcode 40037")
    template.refresh_from_db()
    template.held_since, template.held_because = None, ""
    template.save(update_fields=["held_since", "held_because"])
    client = builders.make_client()
    client.make_key()
    client.keys.filter(revoked_at=None).update(revoked_at=timezone.now())
    named = [one.action for one in trail() if one.action not in ("add", "change")]
    assert named == ["publish", "hold", "release", "revoke"]
    fields = [one for one in trail() if one.object_type == TemplateField._meta.label_lower]
    assert {one.action for one in fields} == {"add"}
    published = next(one for one in trail() if '"published"' in one.after)
    assert told(published)[2] == {"published": f"order-shipped v2 (#{draft.pk})"}


def test_groups_and_permissions_are_told_as_lists(anna: Actor) -> None:
    user = User.objects.create_user("li")
    editors, senders = (Group.objects.create(name=name) for name in ("editors", "senders"))
    count = len(trail())
    user.groups.add(editors)
    user.groups.set([senders])
    editors.permissions.add(Permission.objects.get(codename="add_message"))
    senders.user_set.clear()
    user.groups.remove(editors)  # in which the user is not
    assert [told(one)[1:] for one in trail()[count:]] == [
        ({"groups": []}, {"groups": ["editors"]}),
        ({"groups": ["editors"]}, {"groups": []}),
        ({"groups": []}, {"groups": ["senders"]}),
        ({"permissions": []}, {"permissions": ["notifier.add_message"]}),
        ({"user_set": ["li"]}, {"user_set": []}),
    ]


def test_what_the_machine_notes_in_passing_is_no_change(anna: Actor) -> None:
    user, client = User.objects.create_user("li"), builders.make_client()
    client.make_key()
    count = len(trail())
    with CaptureQueriesContext(connection) as captured:
        ApiKey.objects.update(last_used_at=timezone.now())
        user.last_login = timezone.now()
        user.save(update_fields=["last_login"])
    assert len(trail()) == count
    assert len(captured.captured_queries) == 2


def test_a_model_that_nobody_decided_on_stops_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("check")
    monkeypatch.delitem(watched.AUDITED, "notifier.ApiClient")
    with pytest.raises(SystemCheckError, match=r"notifier\.ApiClient"):
        call_command("check")


def test_one_of_two_actors_does_not_act_for_the_other(anna: Actor) -> None:
    with acting(lambda: Actor("user", "bo")):
        ApiClient.objects.create(name="one")
    ApiClient.objects.create(name="two")
    assert [one.actor for one in trail()] == ["bo", "anna"]
