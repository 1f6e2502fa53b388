"""API clients: a key is shown once, kept as a hash, and ended by one button."""

import html as entities
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from rest_framework.test import APIClient

from notifier.models import ApiClient, ApiKey
from notifier.models.keys import digest_of
from tests import builders
from tests.admin.browsing import address, confirm, html, submit, text

NOBODY = "00000000000000000000000000000000"


def page(client: ApiClient, view: str = "change") -> str:
    return address("notifier_apiclient", view, client.pk)


def status(key: str) -> int:
    """What the API answers to somebody with the key who asks for an unknown message."""
    caller = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
    return int(caller.get(f"/api/v1/messages/{NOBODY}").status_code)


@pytest.fixture
def shop(db: None) -> ApiClient:
    return builders.make_client(name="shop")


def new_key(root: Client, client: ApiClient) -> str:
    add = root.get(page(client, "new_key")).headers["Location"]
    shown = html(submit(root, add, "apikey_form", name="shop-1"))
    (key,) = re.findall(r"<code>(hy_[^<]+)</code>", shown)
    return entities.unescape(key)


def test_a_client_is_added(root: Client) -> None:
    submit(root, address("notifier_apiclient", "add"), "apiclient_form", name="shop")
    assert ApiClient.objects.get().is_active


def test_a_new_key_opens_the_api(root: Client, shop: ApiClient) -> None:
    key = new_key(root, shop)
    assert status(key) == 404
    assert status(key[:-1]) == 401


def test_a_key_is_shown_once(root: Client, shop: ApiClient) -> None:
    key = new_key(root, shop)
    for again in (page(shop), page(shop, "history"), address("notifier_apiclient", "changelist")):
        assert key not in html(root.get(again))
    assert f"{key[:8]}…" in text(root.get(page(shop)))


def test_a_key_is_stored_as_a_hash_alone(root: Client, shop: ApiClient) -> None:
    key = new_key(root, shop)
    (row,) = ApiKey.objects.values()
    assert row["digest"] == digest_of(key) != key
    assert key not in str(row)
    assert key not in str(list(LogEntry.objects.values()))


def test_the_form_alone_makes_no_key(root: Client, shop: ApiClient) -> None:
    root.get(page(shop, "new_key"), follow=True)
    assert not ApiKey.objects.exists()


def test_the_other_keys_go_on_working(root: Client, shop: ApiClient) -> None:
    first, second = new_key(root, shop), new_key(root, shop)
    assert [status(first), status(second)] == [404, 404]


def test_revoked_keys_stop_at_once(root: Client, shop: ApiClient) -> None:
    keys = [new_key(root, shop), new_key(root, shop)]
    other = builders.make_client().make_key()
    assert [status(key) for key in [*keys, other]] == [404, 404, 404]
    assert "Keys revoked: 2." in text(confirm(root, page(shop, "revoke_keys")))
    assert [status(key) for key in [*keys, other]] == [401, 401, 404]
    assert status(new_key(root, shop)) == 404


def test_a_client_that_is_switched_off_is_refused_at_once(root: Client, shop: ApiClient) -> None:
    key = new_key(root, shop)
    assert status(key) == 404
    values = {"name": "shop", "keys-TOTAL_FORMS": "0", "keys-INITIAL_FORMS": "0"}
    assert root.post(page(shop), values).status_code == 302  # is_active is not ticked
    assert status(key) == 401


def test_a_key_can_be_given_an_end(root: Client, shop: ApiClient) -> None:
    key = new_key(root, shop)
    assert status(key) == 404
    past = {"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}
    where = address("notifier_apikey", "change", ApiKey.objects.get().pk)
    submit(root, where, "apikey_form", **past)
    assert status(key) == 401


def test_making_and_revoking_keys_stands_in_the_history(root: Client, shop: ApiClient) -> None:
    key = new_key(root, shop)
    confirm(root, page(shop, "revoke_keys"))
    made, revoked = LogEntry.objects.order_by("id")
    assert (made.object_repr, made.content_type.model) == (f"{key[:8]}…", "apikey")
    assert "revoked" in revoked.get_change_message()


def test_a_client_cannot_be_deleted(root: Client, shop: ApiClient) -> None:
    assert root.post(page(shop, "delete"), {"post": "yes"}).status_code == 403
    assert ApiClient.objects.exists()


def test_the_list_leads_to_the_api_guide(root: Client) -> None:
    listed = html(root.get(address("notifier_apiclient", "changelist")))
    (href,) = set(re.findall(r'href="([^"]*/guide[^"]*)"', listed))
    assert root.get(href)["Location"] == "/api/guide/"
