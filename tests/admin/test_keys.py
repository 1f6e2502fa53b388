"""The page of a key: made with its rights, shown once, rotated with an overlap, revoked."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from notifier.models import ApiClient, ApiKey, Priority
from notifier.models.keys import digest_of
from tests import builders
from tests.admin.browsing import address, confirm, faults, form, html, submit, text
from tests.audit.conftest import trail


@pytest.fixture
def shop(db: None) -> ApiClient:
    return builders.make_client(name="shop")


def page(key: ApiKey, view: str = "change") -> str:
    return address("notifier_apikey", view, key.pk)


def add(root: Client, shop: ApiClient, **values: object) -> HttpResponse:
    where = f"{address('notifier_apikey', 'add')}?client={shop.pk}"
    return submit(root, where, "apikey_form", **values)


def shown(response: HttpResponse) -> str:
    (key,) = re.findall(r"<code>(hy_[^<]+)</code>", html(response))
    return unescape(key)


def test_a_key_is_made_with_its_rights(root: Client, shop: ApiClient) -> None:
    template = builders.make_template()
    answer = add(
        root,
        shop,
        name="order service",
        scopes=["send"],
        accounts=[template.account.pk],
        templates=[template.pk],
        highest_priority=Priority.NORMAL,
        networks="203.0.113.0/24\n2001:db8::/32",
        per_minute=600,
        per_day=10_000,
        is_test="on",
    )
    key = ApiKey.objects.get()
    assert digest_of(shown(answer)) == key.digest
    assert shown(answer).startswith("hy_test_")
    assert (key.client, key.name, key.scopes) == (shop, "order service", ["send"])
    assert (key.highest_priority, key.per_minute, key.per_day) == (Priority.NORMAL, 600, 10_000)
    assert (list(key.accounts.all()), list(key.templates.all())) == ([template.account], [template])
    assert key.is_test


def test_the_form_begins_with_what_most_need(root: Client, shop: ApiClient) -> None:
    add(root, shop)
    key = ApiKey.objects.get()
    assert (key.scopes, key.is_test, key.highest_priority) == (
        ["send", "bulk", "read"],
        False,
        Priority.URGENT,
    )


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("networks", "203.0.113.0/33", "203.0.113.0/33 is no network"),
        ("networks", "somewhere", "somewhere is no network"),
        ("scopes", ["everything"], "everything"),
        ("per_minute", "0", "1"),
    ],
)
def test_what_is_wrong_is_said_beside_it(
    root: Client, shop: ApiClient, field: str, value: object, told: str
) -> None:
    assert told in faults(add(root, shop, **{field: value}))[field]
    assert not ApiKey.objects.exists()


def test_its_client_and_kind_stay(root: Client, shop: ApiClient) -> None:
    add(root, shop)
    key = ApiKey.objects.get()
    other = builders.make_client()
    values = form(root.get(page(key)), "apikey_form")
    root.post(page(key), values | {"client": other.pk, "is_test": "on", "name": "new"})
    key.refresh_from_db()
    assert (key.client, key.is_test, key.name) == (shop, False, "new")


def test_a_rotated_key_works_on_for_the_overlap(root: Client, shop: ApiClient) -> None:
    template = builders.make_template()
    add(root, shop, name="x", scopes=["read"], accounts=[template.account.pk], per_day=7)
    old = ApiKey.objects.get()
    answer = root.post(page(old, "rotate"), {"_form_submitted": "True", "hours": "24"})
    new = ApiKey.objects.exclude(pk=old.pk).get()
    key = shown(root.get(answer.headers["HX-Redirect"]))
    assert digest_of(key) == new.digest
    same = ("client", "name", "is_test", "scopes", "highest_priority", "networks", "per_day")
    assert [getattr(new, name) for name in same] == [getattr(old, name) for name in same]
    assert list(new.accounts.all()) == [template.account]
    old.refresh_from_db()
    assert old.expires_at is not None
    assert abs(old.expires_at - timezone.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert new.expires_at is None


def test_a_rotation_makes_no_key_live_longer(root: Client, shop: ApiClient) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    shop.make_key(expires_at=soon)
    old = ApiKey.objects.get()
    root.post(page(old, "rotate"), {"_form_submitted": "True", "hours": "24"})
    old.refresh_from_db()
    assert old.expires_at == soon


def test_a_key_is_revoked(root: Client, shop: ApiClient) -> None:
    shop.make_key()
    shop.make_key()
    key, other = ApiKey.objects.order_by("pk")
    confirm(root, page(key, "revoke"))
    key.refresh_from_db()
    other.refresh_from_db()
    assert key.revoked_at is not None
    assert other.revoked_at is None
    assert "revoked" in text(root.get(address("notifier_apikey", "changelist")))
    assert root.post(page(key, "delete"), {"post": "yes"}).status_code == 403


def test_what_it_may_is_in_the_trail(root: Client, shop: ApiClient) -> None:
    template = builders.make_template()
    add(root, shop, scopes=["send"])
    key = ApiKey.objects.get()
    submit(
        root, page(key), "apikey_form", scopes=["send", "approve"], accounts=[template.account.pk]
    )
    changes = [entry for entry in trail() if entry.object_type == "notifier.apikey"]
    assert '"scopes":["send"]' in changes[0].after
    assert [one.after for one in changes[1:]] == [
        '{"scopes":["send","approve"]}',
        f'{{"accounts":["{template.account}"]}}',
    ]
