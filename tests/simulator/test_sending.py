"""template/send: the wire, the order of checks, value types, and client_msg_id."""

import re
import time
from typing import Any

import pytest

from .conftest import FOLLOWER, FREE, HISTORY, SEND, TYPED, Official


def test_the_answer_is_compact_utf8_json_with_a_19_digit_msgid(official: Official) -> None:
    answer = official.raw(SEND, official.body())
    assert re.fullmatch(rb'\{"errcode":0,"errmsg":"ok","msgid":\d{19}\}', answer.content)
    assert answer.headers["Content-Type"] == "application/json; encoding=utf-8"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert "Date" in answer.headers


def test_msgids_grow(official: Official) -> None:
    first, second = official.send()["msgid"], official.send()["msgid"]
    assert second > first


def test_a_refusal_ends_with_a_rid_of_this_second(official: Official) -> None:
    answer = official.raw(SEND, official.body("oNobody"))
    assert answer.status_code == 200
    pattern = r"invalid openid rid: ([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8}"
    match = re.fullmatch(pattern, answer.json()["errmsg"])
    assert match is not None
    assert abs(int(match[1], 16) - time.time()) < 3


def test_a_rid_can_be_looked_up(official: Official) -> None:
    rid = official.send("oNobody")["errmsg"].split("rid: ")[1]
    found = official.post("/cgi-bin/openapi/rid/get", {"rid": rid})["request"]
    assert '"touser"' in found["request_body"]
    assert official.token not in found["request_url"]


def test_a_chunked_body_is_412_and_empty(official: Official) -> None:
    answer = official.raw(SEND, None, data=iter([b"{}"]))
    assert (answer.status_code, answer.content) == (412, b"")


def test_get_is_43002(official: Official) -> None:
    assert official.get(SEND)["errcode"] == 43002


@pytest.mark.parametrize(
    ("body", "errcode"),
    [(b"", 44002), (b"touser=o", 47001), (b"[]", 47001), (b'{"touser":', 47001)],
)
def test_a_body_that_is_no_json_object_is_refused(
    official: Official, body: bytes, errcode: int
) -> None:
    assert official.post(SEND, None, data=body)["errcode"] == errcode


def test_an_unknown_path_is_40066(official: Official) -> None:
    assert official.get("/cgi-bin/nothing")["errcode"] == 40066


@pytest.mark.parametrize(
    ("fields", "errcode"),
    [
        ({"touser": None}, 40003),
        ({"touser": "oStrangerStrangerStrangerStr"}, 40003),
        ({"template_id": "short"}, 40036),
        ({"template_id": None}, 40036),
        ({"template_id": "X" * 43}, 40037),
        ({"url": "https://e.org/" + "x" * 1024}, 40039),
        ({"miniprogram": {"appid": "nonsense"}}, 40013),
        ({"data": "text"}, 47001),
    ],
)
def test_a_wrong_field_has_its_code(
    official: Official, fields: dict[str, Any], errcode: int
) -> None:
    assert official.send(**fields)["errcode"] == errcode


@pytest.mark.parametrize(
    ("path", "errcode"),
    [
        ("pages/order", 0),
        ("pages/order?id=1", 0),
        ("", 0),
        ("pages/ordre", 40165),
        (["pages/order"], 40165),
    ],
)
def test_a_page_that_the_mini_program_lacks_is_40165(
    official: Official, path: Any, errcode: int
) -> None:
    target = {"appid": official.appid, "pagepath": path}
    assert official.send(miniprogram=target)["errcode"] == 0
    official.change(pages=["pages/index", "pages/order"])
    assert official.send(miniprogram=target)["errcode"] == errcode


def test_the_page_is_checked_after_the_template_and_before_the_values(official: Official) -> None:
    official.change(pages=["pages/order"])
    target = {"appid": official.appid, "pagepath": "pages/none"}
    assert official.send(template_id="short", miniprogram=target)["errcode"] == 40036
    assert official.send(FOLLOWER, "", "", miniprogram=target)["errcode"] == 40165


def test_the_recipient_is_checked_before_the_template(official: Official) -> None:
    assert official.send("oNobody", template_id="short")["errcode"] == 40003


def test_only_the_first_offending_key_is_named(official: Official) -> None:
    refused = official.send(FOLLOWER, "订单", "x" * 30)
    assert refused["errcode"] == 47003
    assert refused["errmsg"].startswith("argument invalid! data.character_string1.value invalid")


@pytest.mark.parametrize(
    "data",
    [
        {"thing2": {"value": "书"}},
        {"character_string1": {"value": " "}, "thing2": {"value": "书"}},
        {"character_string1": "A-1", "thing2": {"value": "书"}},
        {"character_string1.DATA": {"value": "A-1"}, "thing2": {"value": "书"}},
    ],
)
def test_a_missing_or_empty_value_is_empty(official: Official, data: dict[str, object]) -> None:
    refused = official.send(data=data)
    assert refused["errcode"] == 47003
    expected = "argument invalid! data.character_string1.value is empty rid: "
    assert refused["errmsg"].startswith(expected)


def test_keys_the_template_lacks_are_filtered(official: Official) -> None:
    body = official.body()
    body["data"]["remark"] = {"value": "谢谢"}
    assert official.post(SEND, body)["errcode"] == 0
    assert set(official.messages()[0]["data"]) == {"character_string1", "thing2"}


@pytest.mark.parametrize(
    ("template_id", "key"), [(HISTORY, "keyword1"), (FREE, "name")], ids=["history", "free-form"]
)
def test_untyped_templates_take_anything(official: Official, template_id: str, key: str) -> None:
    data = {key: {"value": "很长\n" * 40, "color": "#173177"}}
    assert official.send(template_id=template_id, data=data)["errcode"] == 0


TYPES = [
    ("thing", "二十个字" * 5, True),
    ("thing", "二十一个字" * 4 + "多", False),
    ("thing", "断\n行", False),
    ("character_string", "A-1 #" * 6, True),
    ("character_string", "订单1", False),
    ("time", "2019年10月1日 15:01", True),
    ("time", "2025-11-29 10:00:00~12:00:00", True),
    ("time", "15:01", True),
    ("time", "明天", False),
    ("amount", "¥128.00", True),
    ("amount", "100元", True),
    ("amount", "一百", False),
    ("phone_number", "+86-0766-66888866", True),
    ("phone_number", "电话", False),
    ("car_number", "粤A8Z888挂", True),
    ("car_number", "粤A粤B", False),
    ("const", "二十一个字" * 4 + "多", False),
    ("phrase", "已发货", True),
    ("phrase", "OK", False),
    ("date", "2024年1月31日", True),
    ("date", "1月", False),
    ("number", "12.5", True),
    ("number", "12a", False),
    ("letter", "abc", True),
    ("letter", "ab1", False),
    ("symbol", "!?", True),
    ("symbol", "a", False),
    ("name", "王小燕", True),
    ("name", "王" * 11, False),
    ("name", "Wang Xiaoyan", True),
]


@pytest.mark.parametrize(("kind", "value", "passes"), TYPES)
def test_value_types(official: Official, kind: str, value: str, passes: bool) -> None:
    template = {"template_id": TYPED, "title": "t", "content": f"值:{{{{{kind}3.DATA}}}}"}
    official.change(templates=[template])
    answer = official.send(data={f"{kind}3": {"value": value}})
    assert answer["errcode"] == (0 if passes else 47003), answer


def test_same_client_msg_id_is_delivered_once(official: Official) -> None:
    first = official.send(client_msg_id="a1")
    second = official.send(client_msg_id="a1")
    assert second == first
    [message] = official.messages(client_msg_id="a1")
    assert (message["requests"], message["delivered"]) == (2, 1)
    assert message["msgid"] == str(first["msgid"])
    assert official.counters()["duplicates_suppressed"] == 1


def test_the_reply_to_a_duplicate_can_be_40241(official: Official) -> None:
    official.change(duplicate_reply="40241")
    assert official.send(client_msg_id="a1")["errcode"] == 0
    assert official.send(client_msg_id="a1")["errcode"] == 40241


def test_a_client_msg_id_is_forgotten_after_its_time(official: Official) -> None:
    official.change(dedup_seconds=0)
    first, second = official.send(client_msg_id="a1"), official.send(client_msg_id="a1")
    assert first["msgid"] != second["msgid"]


def test_without_client_msg_id_every_call_is_a_message(official: Official) -> None:
    official.send()
    official.send()
    assert len(official.messages()) == 2


def test_the_quota_ends_with_45009_and_can_be_cleared(official: Official) -> None:
    official.change(send_quota=2)
    assert [official.send()["errcode"] for _ in range(3)] == [0, 0, 45009]
    assert official.post("/cgi-bin/clear_quota", {"appid": official.appid})["errcode"] == 0
    assert official.send()["errcode"] == 0


@pytest.mark.parametrize(("switch", "errcode"), [("banned", 50002), ("api_unauthorized", 48001)])
def test_account_wide_refusals(official: Official, switch: str, errcode: int) -> None:
    official.change(**{switch: True})
    assert official.send()["errcode"] == errcode


@pytest.mark.parametrize("errcode", [43116, 40249, 40252])
def test_a_template_can_be_refused(official: Official, errcode: int) -> None:
    row = {"template_id": TYPED, "title": "t", "content": "{{thing2.DATA}}", "errcode": errcode}
    official.change(templates=[row])
    assert official.send()["errcode"] == errcode
