"""Limiting somebody to accounts, on their page; who is never limited; what it costs."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notifier.access.roles import ROLES
from notifier.models import AuditEntry
from templates_app.access import NEVER_LIMITED, accounts_of, limit
from templates_app.models import AccountAccess, OfficialAccount
from tests import builders
from tests.admin.browsing import address, form, html, submit, text

LIST = address("auth_user", "changelist")


@pytest.fixture
def shops(db: None) -> list[OfficialAccount]:
    return [builders.make_account(name=name) for name in ("North shop", "South shop")]


@pytest.fixture
def clerk(db: None) -> User:
    return User.objects.create_user("clerk", is_staff=True)


def page(user: User) -> str:
    return address("auth_user", "change", user.pk)


def choose(client: Client, user: User, *accounts: OfficialAccount) -> Any:
    values = form(client.get(page(user)), "user_form")
    values["accounts"] = [str(one.pk) for one in accounts]
    return client.post(page(user), values, follow=True)


def seen(user: User) -> Any:
    return accounts_of(User.objects.get(pk=user.pk))


def test_nobody_is_limited_before_it_is_said(clerk: User, shops: list[OfficialAccount]) -> None:
    assert seen(clerk) is None


def test_accounts_are_chosen_on_the_persons_page(
    root: Client, clerk: User, shops: list[OfficialAccount]
) -> None:
    north, south = shops
    assert "None chosen: all accounts." in text(root.get(page(clerk)))
    assert choose(root, clerk, north).status_code == 200
    assert seen(clerk) == {north.pk}
    assert "North shop" in text(root.get(LIST))
    choose(root, clerk, north, south)
    assert seen(clerk) == {north.pk, south.pk}
    choose(root, clerk)
    assert seen(clerk) is None
    assert not AccountAccess.objects.exists()


def test_the_page_shows_what_is_chosen_and_saving_changes_nothing(
    root: Client, clerk: User, shops: list[OfficialAccount]
) -> None:
    limit(clerk, OfficialAccount.objects.filter(pk=shops[0].pk))
    before = AuditEntry.objects.count()
    assert form(root.get(page(clerk)), "user_form")["accounts"] == str(shops[0].pk)
    submit(root, page(clerk), "user_form")
    assert seen(clerk) == {shops[0].pk}
    assert AuditEntry.objects.filter(pk__gt=before, object_type__contains="access").count() == 0


def test_each_change_is_in_the_audit_trail(
    root: Client, clerk: User, shops: list[OfficialAccount]
) -> None:
    choose(root, clerk, shops[0])
    choose(root, clerk, shops[1])
    choose(root, clerk)
    told = AuditEntry.objects.filter(object_type="templates_app.accountaccess").order_by("id")
    assert {row.object_name for row in told} == {"clerk"}
    assert [(row.before, row.after) for row in told if "shop" in row.before + row.after] == [
        ('{"accounts":[]}', '{"accounts":["North shop"]}'),
        ('{"accounts":["North shop"]}', '{"accounts":[]}'),
        ('{"accounts":[]}', '{"accounts":["South shop"]}'),
        ('{"accounts":["South shop"]}', '{"accounts":[]}'),
    ]


def test_administrators_and_superusers_are_never_limited(
    clerk: User, shops: list[OfficialAccount]
) -> None:
    assert NEVER_LIMITED in ROLES
    limit(clerk, OfficialAccount.objects.filter(pk=shops[0].pk))
    clerk.groups.add(Group.objects.get(name="sender"))
    assert seen(clerk) == {shops[0].pk}
    clerk.groups.add(Group.objects.get(name="administrator"))
    assert seen(clerk) is None
    clerk.groups.clear()
    User.objects.filter(pk=clerk.pk).update(is_superuser=True)
    assert seen(clerk) is None


def test_an_account_that_goes_takes_no_limit_with_it(
    clerk: User, shops: list[OfficialAccount]
) -> None:
    limit(clerk, OfficialAccount.objects.filter(pk=shops[0].pk))
    shops[0].delete()
    assert seen(clerk) == frozenset()


def test_who_may_only_look_sees_who_is_limited(
    staff: Any, clerk: User, shops: list[OfficialAccount]
) -> None:
    limit(clerk, OfficialAccount.objects.filter(pk=shops[0].pk))
    viewer = staff("auth.view_user")
    assert "North shop" in text(viewer.get(page(clerk)))
    assert 'name="accounts"' not in html(viewer.get(page(clerk)))


@pytest.mark.parametrize("model", ["message", "recipient", "suppression", "segment"])
def test_the_limit_costs_a_list_one_query_however_long_it_is(
    clerk: User, shops: list[OfficialAccount], model: str
) -> None:
    clerk.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(clerk)
    template = builders.make_template(shops[0])
    where = address(f"notifier_{model}", "changelist")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(where).status_code == 200
        return len(captured)

    def grow() -> None:
        for _ in range(5):
            person = builders.make_recipient(shops[0])
            builders.make_message(template, person)
            person.suppressions.create(template=template, since=builders.now())
            shops[0].segments.create(name=person.openid)

    grow()
    queries()  # the first one fills memories
    unlimited = queries()
    limit(clerk, OfficialAccount.objects.filter(pk=shops[0].pk))
    few = queries()
    grow()
    assert queries() == few <= unlimited + 1
