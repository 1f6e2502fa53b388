"""dry_run: everything is checked and rendered, it says what would happen, and writes nothing."""

import pytest
from django.utils import timezone

from notifier.dispatch import gate
from notifier.models import Message, Suppression
from templates_app.models import MessageTemplate
from tests.api.conftest import assert_problem


@pytest.fixture
def dry(post, body):
    return lambda **values: post(body | {"dry_run": True} | values)


def test_it_tells_what_the_person_would_see_and_when(dry, person):
    MessageTemplate.objects.update(dedup_seconds=600)
    for _ in range(2):  # nothing was marked either
        answer = dry(to={"user": "u-1"}, url="https://example.com/x")
        assert answer.status_code == 200
    told = answer.json()
    assert told["dry_run"] is True
    assert told["to"] == {"openid": person.openid}
    assert told["data"]["thing2"] == "云南白茶"
    assert (told["url"], told["miniprogram"]) == ("https://example.com/x", None)
    given = {"appid": "wx1", "pagepath": "pages/a"}
    assert dry(miniprogram=given).json()["miniprogram"] == given
    assert told["waiting"] is None
    assert not Message.objects.exists()


def test_it_tells_what_it_would_wait_for(dry, template):
    later = dry(send_at="2100-01-01T00:00:00Z", expires_at="2100-01-02T00:00:00Z").json()
    assert (later["due_at"], later["waiting"]["reason"]) == (
        "2100-01-01T00:00:00.000+00:00",
        "scheduled",
    )
    cause = gate.Report(cause="errcode 40164: invalid ip")
    gate.tell(template.account_id, cause, gate.Limits.of(template.account), timezone.now())
    held = dry().json()["waiting"]
    assert (held["reason"], held["detail"]) == ("account", "errcode 40164: invalid ip")


def test_what_would_be_refused_is_refused(dry, template, person):
    assert_problem(dry(data={}), 422, "/data/order_no", "missing_variable")
    assert_problem(dry(to={"user": "x"}), 422, "/to", "unknown_recipient")
    Suppression.objects.create(recipient=person, template=template, since=timezone.now())
    assert_problem(dry(), 422, "/to", "recipient_refuses_template")


def test_a_key_is_not_used_up(post, body):
    post(body | {"dry_run": True}, Idempotency_Key="k")
    first = post(body, Idempotency_Key="k")
    assert first.status_code == 202
    assert "Idempotent-Replayed" not in first


def test_of_many_there_is_none(api, body):
    answer = api.post("/api/v1/messages/batch", {"messages": [body | {"dry_run": True}]}, "json")
    assert answer.json()["results"][0]["errors"][0]["code"] == "not_supported"
