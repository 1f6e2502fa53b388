"""template/send: what WeChat's body becomes, and what it is refused with."""

import io
import re

import orjson
import pytest
from django.db import OperationalError
from django.utils import timezone

from notifier.gateway import sending
from notifier.models import GatewayMessage, Message, Recipient, Suppression
from templates_app.models import MessageTemplate, OfficialAccount, TemplateField
from templates_app.publishing import publish
from tests import builders
from tests.gateway.conftest import data

RID = re.compile(r" rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$")


def refused(answer, errcode, text=""):
    assert answer.keys() == {"errcode", "errmsg"}, answer
    assert answer["errcode"] == errcode, answer
    assert RID.search(answer["errmsg"])
    assert text in answer["errmsg"]
    assert not GatewayMessage.objects.exists()
    assert not Message.objects.exists()


def test_a_message_is_accepted_as_wechat_would(caller, body, service):
    answer = caller.send(body)
    assert list(answer) == ["errcode", "errmsg", "msgid"]
    assert (answer["errcode"], answer["errmsg"]) == (0, "ok")
    assert 0 < answer["msgid"] < 2**53
    message = Message.objects.get()
    assert message.client == service
    assert message.gateway_message.msgid == answer["msgid"]
    sent = orjson.loads(message.payload)
    assert sent["touser"] == body["touser"]
    assert sent["template_id"] == body["template_id"]
    assert sent["data"] == {key: {"value": one["value"]} for key, one in data().items()}
    assert "url" not in sent
    assert "miniprogram" not in sent


def test_our_own_code_names_the_template_too(caller, body, template):
    assert caller.send(body | {"template_id": template.code})["errcode"] == 0


def test_links_are_the_callers_alone(caller, body, template):
    other = builders.make_template(template.account, url="https://example.com/ours")
    url, program = "https://example.com/theirs", {"appid": "wx1", "pagepath": "p?a=1"}
    asked = body | {"template_id": other.code}
    caller.send(asked)
    caller.send(asked | {"url": url})
    caller.send(asked | {"url": url, "miniprogram": program})
    payloads = [orjson.loads(one.payload) for one in Message.objects.order_by("id")]
    assert [one.get("url") for one in payloads] == [None, url, url]
    assert [one.get("miniprogram") for one in payloads] == [None, None, program]


def test_values_are_taken_by_field_whatever_the_patterns_say(caller, body, template):
    patterns = {"character_string1": "No. {{ a }}/{{ b }}", "thing2": "fixed", "time3": "{{ c }}"}
    other = builders.make_template(template.account, patterns=patterns)
    assert caller.send(body | {"template_id": other.code})["errcode"] == 0
    sent = orjson.loads(Message.objects.get().payload)
    assert sent["data"]["character_string1"] == {"value": "A-1001"}


def test_a_field_that_shortens_does_so(caller, body, template):
    other = builders.make_version(template)
    other.fields.filter(key="thing2").update(overflow="shorten")
    publish(other, by="test")
    asked = body | {"template_id": other.wechat_template_id, "data": data(thing2="长" * 30)}
    assert caller.send(asked)["errcode"] == 0
    value = orjson.loads(Message.objects.get().payload)["data"]["thing2"]["value"]
    assert value == "长" * 19 + "…"


def test_what_the_template_lacks_is_left_out(caller, body):
    extra = {"first": {"value": "hello"}, "remark": {"value": "bye"}}
    assert caller.send(body | {"data": data() | extra})["errcode"] == 0
    assert orjson.loads(Message.objects.get().payload)["data"].keys() == data().keys()


def test_numbers_are_values_too(caller, body):
    assert caller.send(body | {"data": data(character_string1=1001)})["errcode"] == 0


def test_fields_of_older_days_are_accepted(caller, body):
    asked = body | {"topcolor": "#FF0000", "url": "", "miniprogram": None, "lang": "zh_CN"}
    assert caller.send(asked)["errcode"] == 0


@pytest.mark.parametrize(
    ("change", "errcode", "text"),
    [
        ({"touser": "oNobody"}, 40003, "invalid openid"),
        ({"touser": None}, 40003, ""),
        ({"touser": "o" * 65}, 40003, ""),
        ({"touser": "o\0"}, 40003, ""),
        ({"touser": ["o1"]}, 40003, ""),
        ({"template_id": None}, 40036, ""),
        ({"template_id": "nothing"}, 40037, "invalid template_id"),
        ({"template_id": 7}, 40036, ""),
        ({"data": data(thing2="长" * 21)}, 47003, "argument invalid! data.thing2.value invalid"),
        ({"data": data(thing2="")}, 47003, "argument invalid! data.thing2.value is empty"),
        ({"data": data(thing2=None)}, 47003, "argument invalid! data.thing2.value is empty"),
        ({"data": {"thing2": "bare"}}, 47003, "data.character_string1.value is empty"),
        ({"data": data(time3="soon")}, 47003, "argument invalid! data.time3.value invalid"),
        ({"data": {}}, 47003, "data.character_string1.value is empty"),
        ({"data": []}, 47003, ""),
        ({"data": [1]}, 47001, ""),
        ({"url": "not a link"}, 40039, "invalid url"),
        ({"url": "https://example.com/" + "x" * 1024}, 40039, "invalid url size"),
        ({"miniprogram": {"appid": 1}}, 40013, ""),
        ({"miniprogram": {"appid": "wx1", "pagepath": "a b"}}, 40165, ""),
        ({"miniprogram": "wx1"}, 47001, ""),
        ({"client_msg_id": "x" * 65}, 45067, ""),
        ({"client_msg_id": {}}, 45067, ""),
    ],
)
def test_what_wechat_refuses_is_refused_in_its_words(caller, body, change, errcode, text):
    refused(caller.send(body | change), errcode, text)


@pytest.mark.parametrize(
    ("state", "errcode"),
    [("unfollowed", 43004), ("refused", 43101), ("blacklisted", 43019), ("erased", 40003)],
)
def test_a_closed_way_is_told_in_its_words(caller, body, state, errcode):
    Recipient.objects.update(state=state)
    refused(caller.send(body), errcode)


def test_a_suppressed_template_is_refused_by_the_person(caller, body, person, template):
    Suppression.objects.create(
        recipient=person, template=template, errcode=43101, since=timezone.now()
    )
    refused(caller.send(body), 43101)


def test_a_held_template_is_banned(caller, body):
    template = MessageTemplate.objects.get()
    template.held_since, template.held_because = timezone.now(), "errcode 40037"
    template.save()
    refused(caller.send(body), 43116)


def test_an_account_that_is_off_is_limited(caller, body):
    account = OfficialAccount.objects.get()
    account.is_active = False
    account.save()
    refused(caller.send(body), 50002)


def test_another_accounts_template_is_none(caller, body):
    other = builders.make_template()
    for template_id in (other.code, other.published.wechat_template_id):
        refused(caller.send(body | {"template_id": template_id}), 40037)


def test_caps_are_told_in_its_words(caller, body):
    template = MessageTemplate.objects.get()
    template.daily_cap, template.dedup_seconds = 1, 60
    template.save()
    assert caller.send(body)["errcode"] == 0
    assert caller.send(body)["errcode"] == 40241
    assert caller.send(body | {"data": data(thing2="茶")})["errcode"] == 43117
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("raw", "errcode"),
    [
        (b"", 44002),
        (b"{", 47001),
        (b"[]", 47001),
        (b"null", 47001),
        (b"\xff\xfe", 47001),
        (b"[" * 100_000, 45002),
        (b'{"a":' * 9000 + b"1" + b"}" * 9000, 47001),
        (b"touser=o1", 47001),
        (b'{"touser":"\\ud800"}', 47001),
    ],
)
def test_what_is_no_json_is_told(caller, body, raw, errcode):
    refused(caller.send(raw), errcode)


def test_without_an_id_a_message_is_stored_with_its_msgid_or_not_at_all(caller, body, monkeypatch):
    def crash(**_values):
        raise OperationalError

    monkeypatch.setattr(GatewayMessage.objects, "create", crash)
    refused(caller.send(body), -1)


def test_a_redis_that_is_away_holds_up_nothing(caller, body, dead_redis):
    assert caller.send(body)["errcode"] == 0


def test_messages_without_an_id_are_each_their_own(caller, body):
    assert caller.send(body) != caller.send(body)
    assert Message.objects.count() == 2


def test_a_database_that_is_away_is_wechats_busy(caller, body, monkeypatch):
    def away(*_args):
        raise OperationalError

    monkeypatch.setattr(sending, "accept", away)
    refused(caller.send(body), -1, "system error")


def test_a_mistake_of_ours_is_wechats_busy_and_logged(caller, body, monkeypatch, caplog):
    def broken(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(sending, "accept", broken)
    refused(caller.send(body), -1, "system error")
    assert "ZeroDivisionError" in caplog.text


def test_values_listed_for_a_field_are_all_it_takes(caller, body, template):
    version = builders.make_version(template, {"const1": "{{ x }}"}, content="状态:{{const1.DATA}}")
    TemplateField.objects.filter(version=version).update(enum_values=["已付款"])
    publish(version, by="test")
    asked = body | {"template_id": version.wechat_template_id}
    assert caller.send(asked | {"data": {"const1": {"value": "未付款"}}})["errcode"] == 47003
    assert caller.send(asked | {"data": {"const1": {"value": "已付款"}}})["errcode"] == 0


def test_a_body_without_a_length_is_read(caller, body):
    """As .NET's, Go's and Node's HTTP clients send one that they do not hold whole."""
    answer = caller.http.generic(
        "POST",
        f"/gateway/cgi-bin/message/template/send?access_token={caller.token()}",
        b"",
        **{
            "wsgi.input": io.BytesIO(orjson.dumps(body)),
            "wsgi.input_terminated": True,
            "CONTENT_LENGTH": "",
        },
    )
    assert answer.json()["errcode"] == 0
    assert Message.objects.count() == 1
