"""Gateways in the admin: what the service needs stands there, its secrets do not."""

from typing import Any

import pytest
from django.test import Client

from notifier.models import ApiClient, Gateway
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import address, confirm, html, submit, text
from tests.gateway.conftest import AES_KEY, TOKEN, Service, receiver  # noqa: F401 - a fixture

ADD = "/admin/notifier/gateway/add/"


@pytest.fixture
def shop(db: None) -> ApiClient:
    return builders.make_client(name="shop")


@pytest.fixture
def gateway(shop: ApiClient, account: OfficialAccount) -> Gateway:
    return builders.make_gateway(
        shop,
        account,
        callback_url="https://shop.example.com/wechat",
        callback_token=TOKEN,
        callback_mode="safe",
        encoding_aes_key=AES_KEY,
    )


def of(shop: ApiClient, account: OfficialAccount, **values: Any) -> dict[str, Any]:
    return {"client": shop.pk, "account": account.pk} | values


def page(gateway: Gateway, view: str = "change") -> str:
    return address("notifier_gateway", view, gateway.pk)


def test_a_gateway_is_added(root: Client, shop: ApiClient, account: OfficialAccount) -> None:
    submit(root, ADD, "gateway_form", **of(shop, account))
    gateway = Gateway.objects.get()
    shown = text(root.get(page(gateway)))
    for part in ("http://testserver/gateway/", gateway.appid, "shop"):
        assert part in shown


def test_its_secrets_go_in_and_never_come_out(root: Client, gateway: Gateway) -> None:
    shown = html(root.get(page(gateway)))
    assert TOKEN not in shown
    assert AES_KEY not in shown
    submit(root, page(gateway), "gateway_form", callback_url="https://shop.example.com/new")
    gateway.refresh_from_db()
    assert (gateway.callback_token, gateway.encoding_aes_key) == (TOKEN, AES_KEY)
    assert gateway.callback_url == "https://shop.example.com/new"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"callback_url": "https://a.example.com/"}, "A callback needs the token"),
        ({"callback_mode": "safe"}, "needs the EncodingAESKey"),
        ({"encoding_aes_key": "short"}, "43 letters and digits"),
        ({"callback_token": "a b"}, "3 to 32 letters and digits"),
        ({"callback_url": "ftp://a.example.com/"}, "valid URL"),
    ],
)
def test_what_cannot_work_is_refused(
    root: Client, shop: ApiClient, account: OfficialAccount, values: dict[str, str], told: str
) -> None:
    assert told in text(submit(root, ADD, "gateway_form", **of(shop, account, **values)))
    assert not Gateway.objects.exists()


def test_its_client_stays(root: Client, gateway: Gateway) -> None:
    other = builders.make_client()
    submit(root, page(gateway), "gateway_form", client=other.pk)
    gateway.refresh_from_db()
    assert gateway.client.name == "shop"


def test_it_is_switched_off_and_not_deleted(root: Client, gateway: Gateway) -> None:
    assert root.post(page(gateway, "delete"), {"post": "yes"}).status_code == 403
    submit(root, page(gateway), "gateway_form", account="")
    assert "It is switched off" in text(root.get(page(gateway)))


@pytest.mark.parametrize(
    ("change", "told", "verified"),
    [
        ({}, "answered as it must", True),
        ({"echo": False}, "another text than the echostr", False),
        ({"status": 403}, "HTTP 403", False),
    ],
)
def test_a_callback_is_verified_as_wechat_does(
    root: Client,
    gateway: Gateway,
    receiver: Service,  # noqa: F811
    change: dict[str, object],
    told: str,
    verified: bool,
) -> None:
    for name, value in change.items():
        setattr(receiver, name, value)
    Gateway.objects.update(callback_url=receiver.url)
    assert told in text(confirm(root, page(gateway, "verify_callback")))
    gateway.refresh_from_db()
    assert (gateway.verified_at is not None) == verified
    (asked,) = receiver.pushed
    assert {"signature", "timestamp", "nonce", "echostr"} <= asked.query.keys()


def test_why_a_callback_was_not_reached_is_told_in_words(
    root: Client, gateway: Gateway, settings: Any
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    Gateway.objects.update(callback_url="https://127.0.0.1:9/")
    told = text(confirm(root, page(gateway, "verify_callback")))
    assert "must: The address leads into a private network." in told
    gateway.messages.create(message=builders.make_message(), detail="connect_timeout", attempts=2)
    chinese = {"accept-language": "zh-hans"}
    assert "no connection in time" in text(root.get(page(gateway)))
    assert "connect_timeout" not in text(root.get(page(gateway), headers=chinese))


def test_an_address_that_is_none_is_told(root: Client, gateway: Gateway) -> None:
    Gateway.objects.update(callback_url="")
    assert "no callback address" in text(confirm(root, page(gateway, "verify_callback")))


def test_a_message_is_found_by_what_the_service_knows_it_by(root: Client, gateway: Gateway) -> None:
    message = builders.make_message()
    row = gateway.messages.create(message=message)
    found = root.get(address("notifier_message", "changelist"), {"q": str(row.msgid)})
    assert address("notifier_message", "change", message.pk) in html(found)
    assert str(row.msgid) in text(root.get(address("notifier_message", "change", message.pk)))
    assert f"msgid {row.msgid}" in text(root.get(page(gateway)))
    for nothing in ("1" * 15, "9" * 30):
        answer = root.get(address("notifier_message", "changelist"), {"q": nothing})
        assert answer.status_code == 200
