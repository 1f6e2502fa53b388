"""POST /api/v1/messages and GET /api/v1/messages/{id}: what a service sees of its message."""

from datetime import datetime

import pytest

from notifier.models import Message
from notifier.recipients.phones import phone_hash
from tests import builders
from tests.api.conftest import URL


def test_a_message_is_accepted(post, body, template, person):
    answer = post(body)
    assert answer.status_code == 202
    message = Message.objects.get()
    shown = answer.json()
    assert shown == {
        "id": message.id.hex,
        "status": "queued",
        "template": template.code,
        "template_version": 1,
        "to": {"openid": person.openid},
        "priority": "normal",
        "created_at": shown["created_at"],
        "expires_at": shown["expires_at"],
    }
    lifetime = datetime.fromisoformat(shown["expires_at"]) - message.created_at
    assert round(lifetime.total_seconds()) == 24 * 3600


@pytest.mark.parametrize("name", ["user", "openid", "bare", "phone", "unionid"])
def test_a_recipient_is_named_in_five_ways(post, body, person, name):
    type(person).objects.update(phone_hash=phone_hash("13800000001"), unionid="uUNION")
    to = {"user": {"user": "u-1"}, "openid": {"openid": person.openid}, "bare": person.openid}
    to |= {"phone": {"phone": "+86 138 0000 0001"}, "unionid": {"unionid": "uUNION"}}
    assert post(body | {"to": to[name]}).status_code == 202
    assert Message.objects.get().recipient == person


def test_a_user_id_belongs_to_the_templates_account(post, body, template, person):
    builders.make_recipient(builders.make_account(), user_id="u-1")
    assert post(body | {"to": {"user": "u-1"}}).json()["to"] == {"openid": person.openid}


def test_a_message_is_shown_with_its_events(post, body, api):
    sent = post(body | {"metadata": {"order": 1, "tags": ["a", None]}}).json()
    shown = api.get(f"{URL}/{sent['id']}")
    assert shown.status_code == 200
    assert shown["Content-Type"] == "application/json"
    value = shown.json()
    assert sent.items() <= value.items()
    assert value["metadata"] == {"order": 1, "tags": ["a", None]}
    assert [(event["status"], event["at"]) for event in value["events"]] == [
        ("queued", sent["created_at"])
    ]


def test_an_id_may_be_written_with_hyphens(post, body, api):
    post(body)
    message = Message.objects.get()
    assert api.get(f"{URL}/{message.id}").json()["id"] == message.id.hex


def test_what_wechat_refused_is_shown_with_a_fix(post, body, api):
    post(body)
    message = builders.set_message(
        Message.objects.get(), state="failed", errcode=43004, errmsg="require subscribe", rid="1-2"
    )
    error = api.get(f"{URL}/{message.id.hex}").json()["error"]
    assert (error["errcode"], error["errmsg"], error["rid"]) == (43004, "require subscribe", "1-2")
    assert error["kind"] == "recipient"
    assert error["meaning"]
    assert error["fix"]


@pytest.mark.parametrize("whose", ["another's", "the admin's", "nobody's"])
def test_only_ones_own_messages_are_shown(api, whose):
    made = builders.make_message
    if whose == "another's":
        from_other = builders.Origin(client=builders.make_client())
        pk = made(origin=from_other).pk.hex
    else:
        pk = made().pk.hex if whose == "the admin's" else "0" * 32
    answer = api.get(f"{URL}/{pk}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Not found."


@pytest.mark.parametrize(
    ("given", "kept"),
    [("order-1.a_B", True), ("a b", False), ("x" * 65, False), ("é", False)],
)
def test_the_request_id_is_given_back_or_made(post, body, given, kept):
    answer = post(body, X_Request_ID=given)
    assert (answer["X-Request-ID"] == given) is kept
    assert answer["X-Request-ID"]


def test_the_request_id_of_an_error_is_the_callers(post):
    answer = post(b"", X_Request_ID="trace-7")
    assert answer.json()["request_id"] == answer["X-Request-ID"] == "trace-7"


def test_options_says_what_is_allowed(api):
    answer = api.options(URL)
    assert answer.status_code == 200
    assert "POST" in answer["Allow"]


def test_a_message_is_answered_to_a_head_request(post, body, api):
    answer = api.head(f"{URL}/{post(body).json()['id']}")
    assert (answer.status_code, answer.content) == (200, b"")
