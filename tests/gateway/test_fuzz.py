"""Anything at the gateway's addresses: WeChat's JSON and 200, never a server error, no row by
accident."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from notifier.gateway.views import OPEN, ROUTES
from notifier.models import GatewayMessage, Message
from tests.api.test_fuzz import ANY, TEXT, fuzz

PATHS = st.sampled_from([*(path.removeprefix("cgi-bin/") for path in (*ROUTES, *OPEN)), "menu/x"])
QUERY = st.dictionaries(
    st.sampled_from(["access_token", "appid", "secret", "grant_type", "openid", "next_openid"]),
    st.text(st.characters(codec="utf-8"), max_size=40) | st.just("client_credential"),
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "touser": ANY,
        "template_id": ANY,
        "url": ANY | TEXT.map("https://example.com/".__add__),
        "miniprogram": ANY | st.fixed_dictionaries({"appid": ANY, "pagepath": ANY}),
        "client_msg_id": ANY,
        "data": ANY | st.dictionaries(TEXT, ANY | st.fixed_dictionaries({"value": ANY})),
        "more": ANY,
    },
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"])


def _answered(response):
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json; encoding=utf-8"


@fuzz
@given(method=METHODS, path=PATHS, query=QUERY, raw=st.binary(max_size=200))
def test_any_request_is_answered(caller, method, path, query, raw):
    send = getattr(caller.http, method.lower())
    if method in ("GET", "HEAD"):
        response = send(f"/gateway/cgi-bin/{path}", query)
    else:
        address = f"/gateway/cgi-bin/{path}"
        response = caller.http.generic(method, address, raw, QUERY_STRING="access_token=x")
    _answered(response)
    assert json.loads(response.content or b'{"errcode":1}')["errcode"] != 0


@fuzz
@given(raw=st.binary(max_size=200), path=PATHS)
def test_any_bytes_with_a_token_are_answered(caller, raw, path):
    token = caller.token()
    _answered(
        caller.http.post(
            f"/gateway/cgi-bin/{path}?access_token={token}", raw, content_type="text/plain"
        )
    )
    assert not Message.objects.exists()


@fuzz
@given(change=CHANGES)
@example({"data": {"thing2": {"value": 10**400}}})
@example({"client_msg_id": "a", "data": {"thing2": {"value": 10**30}, "x": {"value": [1e999]}}})
@example({"client_msg_id": "\0"})
@example({"client_msg_id": 10**300})
def test_any_json_is_answered_and_a_refusal_leaves_no_row(caller, body, change):
    before = Message.objects.count()
    raw = json.dumps(body | change).encode()
    answer = caller.post("message/template/send", raw)
    accepted = answer["errcode"] == 0
    assert answer["errcode"] != -1, answer
    assert Message.objects.count() in (before + accepted, before if accepted else -1)
    assert GatewayMessage.objects.count() == Message.objects.count()


def test_headers_and_lengths_that_are_none_are_answered(caller):
    address = "/gateway/cgi-bin/message/template/send?access_token=" + caller.token()
    for length in ("x", "-1", "9" * 30, ""):
        _answered(caller.http.post(address, b"{}", "text/plain", CONTENT_LENGTH=length))
    many = "&".join(f"a{number}=1" for number in range(2000))
    _answered(caller.http.get(f"/gateway/cgi-bin/user/get?{many}"))
    for path in ("", "x", "cgi-bin", "cgi-bin/", "cgi-bin//token", "sns/oauth2", "wxa/x"):
        _answered(caller.http.get(f"/gateway/{path}" if path else "/gateway/x"))
