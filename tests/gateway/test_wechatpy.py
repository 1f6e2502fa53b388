"""wechatpy as it comes from PyPI: nothing of it is changed but the addresses it calls. That of its
token is written into it, so that a service overrides the one method, as for any other token store.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own, of Pythons to come
    from wechatpy import WeChatClient, parse_message
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.exceptions import WeChatClientException
    from wechatpy.utils import check_signature

from notifier.gateway.pushes import process_pushes
from notifier.models import ApiClient, Gateway, Message, Scope, State
from notifier.receipts import process
from templates_app.models import ListedTemplate
from tests.builders import magic
from tests.conftest import Platform
from tests.gateway.conftest import AES_KEY, TOKEN, Pushed, Service, data

MODES = ["plain", "compatible", "safe"]


class Shop:
    """A service that was written for WeChat."""

    def __init__(self, gateway: Gateway, secret: str, base: str) -> None:
        appid = gateway.appid

        class Client(WeChatClient):  # type: ignore[misc]
            API_BASE_URL = f"{base}/gateway/cgi-bin/"

            def fetch_access_token(self) -> Any:
                query = {"grant_type": "client_credential", "appid": appid, "secret": secret}
                return self._fetch_access_token(f"{self.API_BASE_URL}token", query)

        self.client = Client(appid, secret, timeout=10)
        self.crypto = WeChatCrypto(TOKEN, AES_KEY, appid)

    def receipt(self, pushed: Pushed) -> Any:
        query = pushed.query
        if query.get("encrypt_type") == "aes":
            xml = self.crypto.decrypt_message(
                pushed.body, query["msg_signature"], query["timestamp"], query["nonce"]
            )
        else:
            check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
            xml = pushed.body
        return parse_message(xml)


@pytest.fixture
def loop(simulator, live_server: LiveServer) -> Platform:
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    return Platform(simulator, live_server.url, "plain")


@pytest.fixture
def shop(
    request, loop, service: ApiClient, receiver: Service, live_server: LiveServer
) -> Iterator[Shop]:
    gateway = Gateway.objects.create(
        client=service,
        account=loop.account,
        callback_url=receiver.url,
        callback_token=TOKEN,
        callback_mode=getattr(request, "param", "plain"),
        encoding_aes_key=AES_KEY,
    )
    shop = Shop(gateway, service.make_key(scopes=Scope.values), live_server.url)
    yield shop
    shop.client._http.close()  # else the server keeps its thread, and that a connection


def wechat_id(loop: Platform) -> str:
    return str(loop.template.published.wechat_template_id)


def wait_for_push(receiver: Service, work: Callable[[], None]) -> Pushed:
    deadline = time.monotonic() + 15
    while not receiver.pushed and time.monotonic() < deadline:
        work()
        process.tick(timezone.now())
        process_pushes()
        time.sleep(0.05)
    (pushed,) = receiver.pushed
    return pushed


@pytest.mark.parametrize("shop", MODES, indirect=True)
def test_a_message_goes_to_the_phone_and_its_receipt_to_the_service(shop, loop, receiver, work):
    openid = loop.recipient().openid
    answer = shop.client.message.send_template(
        openid, wechat_id(loop), data(), url="https://example.com/o/1"
    )
    assert answer["errcode"] == 0
    pushed = wait_for_push(receiver, work)

    (card,) = loop.received()
    assert (card["openid"], card["url"]) == (openid, "https://example.com/o/1")
    assert card["data"]["thing2"] == {"value": "云南白茶"}
    receipt = shop.receipt(pushed)
    assert (receipt.event, receipt.status) == ("templatesendjobfinish", "success")
    assert (receipt.source, receipt.id) == (openid, answer["msgid"])
    assert pushed.query["openid"] == openid
    assert pushed.query["shop"] == "1"


@pytest.mark.parametrize(
    ("name", "status", "state"),
    [
        ("blocked", "failed:user block", State.UNDELIVERED),
        ("systemfailed", "failed: system failed", State.UNDELIVERED),
        ("unfollowed", "failed: system failed", State.FAILED),
        ("invalid", "failed: system failed", State.FAILED),
    ],
)
def test_whatever_becomes_of_it_the_service_is_told(
    shop, loop, receiver, work, name, status, state
):
    openid = loop.recipient(magic(name)).openid
    msgid = shop.client.message.send_template(openid, wechat_id(loop), data())["msgid"]
    receipt = shop.receipt(wait_for_push(receiver, work))
    assert (receipt.status, receipt.id) == (status, msgid)
    assert Message.objects.get().state == state


def test_it_reads_templates_and_followers(shop, loop):
    ListedTemplate.objects.create(
        account=loop.account,
        wechat_template_id=wechat_id(loop),
        title="订单通知",
        content="商品:{{thing2.DATA}}",
        seen_at=timezone.now(),
    )
    people = sorted(loop.recipient().openid for _ in range(3))
    loop.recipient(state="unfollowed")
    (listed,) = shop.client.template.get_all_private_template()["template_list"]
    assert (listed["template_id"], listed["title"]) == (wechat_id(loop), "订单通知")
    assert shop.client.user.get_followers()["data"]["openid"] == people
    assert list(shop.client.user.iter_followers()) == people
    assert shop.client.user.get(people[0])["subscribe"] == 1
    found = shop.client.user.get_batch(people)
    assert [one["openid"] for one in found] == people


def test_its_errors_are_wechats(shop, loop):
    with pytest.raises(WeChatClientException) as refused:
        shop.client.message.send_template("oNobody", wechat_id(loop), data())
    assert refused.value.errcode == 40003


def test_it_fetches_another_token_when_its_own_is_dead(shop, loop, service):
    openid = loop.recipient().openid
    shop.client.session.set(f"{shop.client.appid}_access_token", "80_dead", 7200)
    assert shop.client.message.send_template(openid, wechat_id(loop), data())["errcode"] == 0
    service.keys.all().delete()
    with pytest.raises(WeChatClientException) as refused:
        shop.client.message.send_template(openid, wechat_id(loop), data())
    assert refused.value.errcode in (40001, 40125, 40013)
