"""The client against the simulated WeChat and against servers that misbehave."""

import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifier.wechat.client import Credentials
from notifier.wechat.errors import Ambiguous, NoTime, Refused, Unreachable, WeChatError
from notifier.wechat.session import shared_session
from notifier.wechat.wire import Wire
from tests.wechat.conftest import SECRET, TEMPLATE, body, with_token
from tests.wechat.servers import (
    answering,
    cutting,
    free_address,
    resetting,
    serving,
    silent,
)

MISBEHAVIOURS = {
    "no answer": silent,
    "reset": resetting,
    "cut": cutting,
    "html": answering("<html>maintenance</html>"),
    "502": answering('{"errcode":0,"msgid":1}', "502 Bad Gateway"),
    "500": answering("", "500 Internal Server Error"),
    "empty": answering(""),
    "list": answering("[]"),
    "null": answering("null"),
    "text": answering('"ok"'),
    "errcode is a text": answering('{"errcode":"x"}'),
    "errcode is null": answering('{"errcode":null}'),
    "errcode is huge": answering('{"errcode":99999999999}'),
    "not UTF-8": answering(b'{"errcode":0,"errmsg":"\xff"}'),
    "no HTTP": lambda connection, _request: (
        connection.sendall(b"hello\r\n\r\n"),
        connection.close(),
    ),
}


def test_a_message_is_accepted(account, make_client):
    msgid = make_client().send_template(body("m1"))
    (card,) = account.received()
    assert (card["msgid"], card["client_msg_id"]) == (msgid, "m1")
    assert len(msgid) == 19


def test_the_body_is_raw_utf8_of_a_known_length(account, make_client):
    make_client().send_template(body("m1"))
    (request,) = account.simulator.control("GET", "/requests")["requests"]
    assert request["body"].encode() == body("m1")
    assert "云南白茶" in request["body"]
    assert request["headers"]["content-length"] == str(len(body("m1")))
    assert "transfer-encoding" not in request["headers"]
    assert request["headers"]["content-type"] == "application/json; charset=utf-8"


def test_a_refusal_carries_wechats_words(make_client):
    with pytest.raises(Refused) as refused:
        make_client().send_template(body("m1", value="x" * 21))
    error = refused.value
    assert (error.errcode, error.errmsg) == (47003, "argument invalid! data.thing1.value invalid")
    assert error.rid.count("-") == 2


def test_the_templates_of_the_account_are_listed(make_client):
    (template,) = make_client().templates()
    assert (template["template_id"], template["content"]) == (TEMPLATE, "商品:{{thing1.DATA}}")


def test_an_answer_without_an_errcode_is_a_success(account, make_client):
    with_token(account)
    with serving(answering('{"msgid":3717005636572528642}')) as server:
        assert make_client(server.url).send_template(body()) == "3717005636572528642"


def test_an_answer_is_utf8_whatever_its_header_says(account, make_client):
    with_token(account)
    answer = answering('{"errcode":-1,"errmsg":"系统繁忙"}', header="Content-Type: text/plain")
    with serving(answer) as server, pytest.raises(Refused) as refused:
        make_client(server.url).send_template(body())
    assert refused.value.errmsg == "系统繁忙"


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_lost_answer_may_have_been_a_success(account, make_client, name):
    with_token(account)
    with serving(MISBEHAVIOURS[name]) as server:
        client = make_client(server.url, account.simulator.url)
        with pytest.raises(Ambiguous):
            client.send_template(body())
        assert len(server.requests) == 1
    assert account.received() == []  # the backup was not asked


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_nothing_was_sent_without_a_connection(account, make_client, address):
    with_token(account)
    with pytest.raises(Unreachable):
        make_client(address).send_template(body())


def test_a_backup_address_is_used_when_no_connection_can_be_made(account, make_client):
    client = make_client(free_address(), free_address(), account.simulator.url)
    assert client.send_template(body("m1")) == account.received()[0]["msgid"]


def test_nothing_is_sent_after_the_time_allowed(account, make_client):
    with pytest.raises(NoTime):
        make_client().send_template(body(), not_after=time.monotonic() - 0.001)
    assert account.received() == []


def test_a_redirect_is_not_followed(account, make_client):
    with_token(account)
    with serving(answering('{"errcode":0,"msgid":1}')) as elsewhere:
        moved = answering("", "307 Temporary Redirect", f"Location: {elsewhere.url}/x")
        with serving(moved) as server, pytest.raises(Ambiguous):
            make_client(server.url).send_template(body())
        assert elsewhere.requests == []


def test_a_proxy_of_the_environment_is_not_used(account, make_client, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", free_address())
    monkeypatch.setenv("http_proxy", free_address())
    assert make_client().send_template(body("m1"))


def test_connections_are_kept(account, make_client):
    client = make_client(timeout=(10, 10))  # not of those that time out: the machine may be busy
    opened = account.simulator.control("GET", "/state")["connections_opened"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: client.send_template(body(f"m{n}")), range(500)))
    after = account.simulator.control("GET", "/state")["connections_opened"]
    assert after - opened <= 8 + 1  # the token came over the session
    assert account.counters()["accepted"] == 500


def test_one_session_serves_the_process():
    assert shared_session("x") is shared_session("x")


def said(error: BaseException) -> str:
    """All that a log, a trace or a debugger's page could show of it, its whole chain included."""
    texts = traceback.format_exception(error)
    chain: BaseException | None = error
    while chain is not None:
        texts += [str(chain), repr(chain), repr(vars(chain))]
        chain = chain.__cause__ or chain.__context__
    return "".join(texts)


LEAKS = f"secret={SECRET}&access_token=T0KEN"
FAILING = {
    **MISBEHAVIOURS,
    "echo": answering(f'{{"errcode":40125,"errmsg":"{LEAKS}"}}'),
    "redirect": answering("", "302 Found", f"Location: http://x/?{LEAKS}"),
}


@pytest.mark.parametrize("name", [*FAILING, "no connection"])
@pytest.mark.parametrize("call", ["send", "stable_token", "token"])
def test_no_error_says_a_secret_or_a_token(account, make_client, name, call):
    with serving(FAILING.get(name, silent)) as server:
        address = free_address() if name == "no connection" else server.url
        client = make_client(address, token_call=call)
        if call == "send":
            with_token(account)
        with pytest.raises(WeChatError) as failed:
            client.send_template(body())
    assert SECRET not in said(failed.value)
    assert "T0KEN" not in said(failed.value)


def test_credentials_do_not_show_their_secret():
    assert SECRET not in repr(Credentials("wx1", SECRET))


def test_an_address_that_gave_no_connection_is_asked_last_for_a_while(
    account, make_client, monkeypatch
):
    dead, asked, post = free_address(), [], Wire.post

    async def noted(self, address, *rest):
        asked.append(address)
        return await post(self, address, *rest)

    monkeypatch.setattr(Wire, "post", noted)
    client = make_client(dead, account.simulator.url)
    for number in range(3):
        client.send_template(body(f"m{number}"))
    assert asked == [account.simulator.url] * 3  # the token's call has learnt it
