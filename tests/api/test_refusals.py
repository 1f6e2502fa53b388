"""What cannot be accepted: a clear 4xx with the field named, and no row."""

import json

import pytest

from notifier.models import Recipient
from tests import builders
from tests.api.conftest import URL, assert_problem
from tests.builders import DATA


def test_an_unknown_template_is_named(post, body):
    assert_problem(post(body | {"template": "no-such"}), 422, "/template", "unknown_template")


def test_a_template_without_a_published_version_is_named(post, body, template):
    type(template).objects.update(published=None)
    assert_problem(post(body), 422, "/template", "not_published")


def test_a_template_of_an_inactive_account_is_named(post, body, template):
    type(template.account).objects.update(is_active=False)
    assert_problem(post(body), 422, "/template", "account_inactive")


UNKNOWN = ["oNobody", {"openid": "oNobody"}, {"user": "nobody"}, {"phone": "13800000001"}]


@pytest.mark.parametrize(
    ("to", "pointer", "code"),
    [
        ({}, "/to", "one_of"),
        ({"openid": "oA", "phone": "13800000001"}, "/to", "one_of"),
        ({"phone": "123"}, "/to/phone", "invalid_value"),
    ],
)
def test_a_recipient_is_named_in_one_way_that_can_be(post, body, to, pointer, code):
    assert_problem(post(body | {"to": to}), 422, pointer, code)


@pytest.mark.parametrize("to", [*UNKNOWN, {"unionid": "uNobody"}])
def test_an_unknown_recipient_is_named(post, body, to):
    assert_problem(post(body | {"to": to}), 422, "/to", "unknown_recipient")


def test_a_recipient_of_another_account_is_unknown(post, body):
    other = builders.make_recipient(builders.make_account(), user_id="u-9")
    assert_problem(post(body | {"to": {"user": "u-9"}}), 422, "/to", "unknown_recipient")
    assert_problem(post(body | {"to": other.openid}), 422, "/to", "unknown_recipient")


@pytest.mark.parametrize("state", ["unfollowed", "refused", "blacklisted"])
def test_a_recipient_who_cannot_be_reached_is_refused(post, body, state):
    Recipient.objects.update(state=state)
    assert_problem(post(body), 422, "/to", f"recipient_{state}")


@pytest.mark.parametrize("name", DATA)
def test_a_missing_variable_is_named(post, body, name):
    data = {key: value for key, value in DATA.items() if key != name}
    assert_problem(post(body | {"data": data}), 422, f"/data/{name}", "missing_variable")


def test_every_fault_of_the_data_is_named_at_once(post, body):
    answer = post(body | {"data": {"order_no": "订单", "product": "x" * 21}})
    assert_problem(answer, 422)
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        "/data/at",
        "/data/order_no",
        "/data/product",
    ]


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("thing1", "x" * 21, "too_long"),
        ("thing1", "a\nb", "has_line_break"),
        ("thing1", " ", "empty"),
        ("thing1", "", "empty"),
        ("thing1", "a\0b", "has_nul"),
        ("thing1", None, "wrong_type"),
        ("thing1", True, "wrong_type"),
        ("thing1", ["a"], "wrong_type"),
        ("thing1", {"value": "a"}, "wrong_type"),
        ("character_string1", "订单1", "has_chinese"),
        ("character_string1", "x" * 33, "too_long"),
        ("time1", "soon", "wrong_time"),
        ("date1", "15:01", "wrong_date"),
        ("amount1", "1,000", "wrong_amount"),
        ("phone_number1", "1380000000a", "wrong_phone_number"),
        ("phrase1", "abc", "not_chinese"),
        ("number1", "1e3", "wrong_number"),
        ("letter1", "a1", "not_letters"),
        ("car_number1", "京A-1", "wrong_car_number"),
    ],
)
def test_a_value_against_its_type_is_named(post, body, template, key, value, code):
    content = f"字段:{{{{{key}.DATA}}}}"
    version = builders.make_version(template, {key: "{{ v }}"}, content=content)
    builders.publish(version, by="test")
    assert_problem(post(body | {"data": {"v": value}}), 422, "/data/v", code)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"template": NaN}',
        b'{"metadata": {"a": Infinity}}',
        b"\xff\xfe{}",
        b'{"template": "\xff"}',
        '{"template": "订"}'.encode("gb18030"),
        b'{"template": "\\ud800"}',
        b'{"metadata": {"a": "\\udfff x"}}',
        b'{"metadata": {"\\ud800": 1}}',
        b'{"metadata": {"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}}",
        b'{"data": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    ],
)
def test_what_is_not_json_is_refused(post, raw):
    assert_problem(post(raw), 400, "")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"true", b"1e400", b"9" * 500])
def test_a_body_must_be_an_object(post, service, raw):
    assert_problem(post(raw), 422, "")


@pytest.mark.parametrize("name", ["template", "to"])
def test_a_missing_field_is_named(post, body, name):
    del body[name]
    assert_problem(post(body), 422, f"/{name}", "missing_field")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"colour": 1}, "/colour"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"to": {"openid": "o", "fax": "1"}}, "/to/fax"),
        ({"miniprogram": {"appid": "wx1", "path": "x"}}, "/miniprogram/path"),
    ],
)
def test_an_unknown_field_is_named(post, body, change, pointer):
    assert_problem(post(body | change), 422, pointer, "unknown_field")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"template": 1}, "/template"),
        ({"template": None}, "/template"),
        ({"template": ""}, "/template"),
        ({"template": "x" * 65}, "/template"),
        ({"template": "a\0b"}, "/template"),
        ({"to": 1}, "/to"),
        ({"to": ""}, "/to"),
        ({"to": []}, "/to"),
        ({"to": {}}, "/to"),
        ({"to": {"openid": "o1", "user": "u1"}}, "/to"),
        ({"to": {"openid": None}}, "/to/openid"),
        ({"to": {"user": 1001}}, "/to/user"),
        ({"to": {"user": ""}}, "/to/user"),
        ({"to": {"user": "u\0"}}, "/to/user"),
        ({"to": "o\0"}, "/to"),
        ({"to": "x" * 65}, "/to"),
        ({"data": []}, "/data"),
        ({"data": None}, "/data"),
        ({"url": 1}, "/url"),
        ({"url": "ftp://example.com"}, "/url"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"url": "https://example.com/a b"}, "/url"),
        ({"url": "https://example.com/\0"}, "/url"),
        ({"url": "https://example.com/\n"}, "/url"),
        ({"url": "https://example.com/" + "订" * 400}, "/url"),
        ({"miniprogram": {}}, "/miniprogram/appid"),
        ({"miniprogram": {"appid": "wx1", "pagepath": "a\0"}}, "/miniprogram/pagepath"),
        ({"priority": "high"}, "/priority"),
        ({"priority": 1}, "/priority"),
        ({"send_at": "tomorrow"}, "/send_at"),
        ({"send_at": 1800000000}, "/send_at"),
        ({"send_at": "2100-01-01T10:00:00"}, "/send_at"),
        ({"send_at": "2100-02-30T10:00:00Z"}, "/send_at"),
        ({"send_at": "9999-12-31T23:59:59-10:00"}, "/send_at"),
        ({"send_at": "0001-01-01T00:00:00+10:00"}, "/send_at"),
        ({"expires_at": "2100-01-01T10:00:00"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-10:00"}, "/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+10:00"}, "/expires_at"),
        ({"metadata": []}, "/metadata"),
        ({"metadata": "x"}, "/metadata"),
        ({"metadata": {"a": "x" * 4096}}, "/metadata"),
        ({"metadata": {"a": {"b~/": ["x", "\0"]}}}, "/metadata/a/b~0~1/1"),
        ({"metadata": {"a": {"b\0": 1}}}, "/metadata/a"),
    ],
)
def test_a_wrong_value_is_named(post, body, change, pointer):
    assert_problem(post(body | change), 422, pointer)


@pytest.mark.parametrize("name", ["data", "metadata"])
@pytest.mark.parametrize("depth", [25, 200, 400, 900])
def test_deep_nesting_is_refused(post, body, name, depth):
    value = json.loads("[" * depth + "]" * depth)
    answer = post(body | {name: {"a": value}})
    assert answer.status_code in (400, 422)
    assert_problem(answer, answer.status_code)


@pytest.mark.parametrize("value", [10**30, -(10**300), 2**64, 1e300, 1e20, 2**53 + 1])
def test_large_numbers_in_metadata_are_shown_again(post, body, api, value):
    answer = post(body | {"metadata": {"n": value}})
    assert answer.status_code == 202
    shown = api.get(f"{URL}/{answer.json()['id']}")
    assert shown.status_code == 200
    # PostgreSQL keeps 1e300 as the whole number that it is.
    assert float(shown.json()["metadata"]["n"]) == float(value)


@pytest.mark.parametrize("number", [10**30, 2**64, 0, -1])
def test_a_large_number_may_be_a_value(post, body, number):
    assert post(body | {"data": DATA | {"order_no": number}}).status_code == 202


@pytest.mark.parametrize("expires_at", ["2020-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00"])
def test_a_message_that_expired_is_refused(post, body, expires_at):
    assert_problem(post(body | {"expires_at": expires_at}), 422, "/expires_at", "too_early")


def test_a_message_cannot_expire_before_it_is_sent(post, body):
    times = {"send_at": "2100-01-02T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z"}
    assert_problem(post(body | times), 422, "/expires_at", "too_early")


def test_a_time_in_the_past_means_now(post, body):
    answer = post(body | {"send_at": "2020-01-01T00:00:00Z"})
    assert answer.status_code == 202
    assert answer.json()["expires_at"] > answer.json()["created_at"]


def test_too_large_a_body_is_refused(post, body):
    assert_problem(post(body | {"metadata": {"a": "x" * 70_000}}), 413)


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "٣", "9" * 5000])
def test_a_strange_content_length_is_no_server_error(api, service, length):
    answer = api.generic("POST", URL, "{}", CONTENT_LENGTH=length)
    assert answer.status_code in (400, 413, 422)
    assert_problem(answer, answer.status_code)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_wrong_method_is_refused(api, service, method):
    answer = getattr(api, method)(URL)
    assert_problem(answer, 405)
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1/", "/api/v1/message", URL + "/", URL + "/123", URL + "/" + "g" * 32]
)
def test_an_unknown_address_is_a_problem_too(api, service, path):
    assert_problem(api.get(path), 404)
    assert_problem(api.post(path, {}, format="json"), 404)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png;q=0.1", "x"])
def test_the_answer_is_json_whatever_is_asked_for(post, body, accept):
    assert_problem(post({}, Accept=accept), 422)
    assert post(body, Accept=accept)["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data; boundary=x"],
)
def test_the_content_type_does_not_matter(api, body, kind):
    answer = api.generic("POST", URL, json.dumps(body), content_type=kind)
    assert answer.status_code == 202
