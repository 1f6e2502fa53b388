"""Idempotency-Key: one key, one message, one answer, whatever happens in between."""

import json

import pytest
from rest_framework.test import APIClient

from notifier.dispatch.lanes import redis
from notifier.intake import idempotency
from notifier.models import Message, Recipient, RecipientState
from tests import builders
from tests.api.conftest import URL
from tests.threads import at_once


def assert_replayed(first, again):
    assert first.status_code == 202
    assert "Idempotent-Replayed" not in first
    assert (again.status_code, again.content) == (202, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert Message.objects.count() == 1


def test_the_first_answer_is_given_again(post, body):
    assert_replayed(post(body, Idempotency_Key="k"), post(body, Idempotency_Key="k"))


def test_the_answer_stays_after_the_message_was_delivered(post, body):
    first = post(body, Idempotency_Key="k")
    builders.set_message(
        Message.objects.get(), state="delivered", msgid="77", attempts=2, due_at=builders.now()
    )
    assert_replayed(first, post(body, Idempotency_Key="k"))


@pytest.mark.parametrize("state", [RecipientState.UNFOLLOWED, RecipientState.REFUSED])
def test_the_answer_stays_after_the_recipient_left(post, body, state):
    first = post(body, Idempotency_Key="k")
    Recipient.objects.update(state=state)
    assert_replayed(first, post(body, Idempotency_Key="k"))


def test_the_answer_stays_after_the_recipient_got_a_new_user_id(post, body):
    body |= {"to": {"user": "u-1"}}
    first = post(body, Idempotency_Key="k")
    Recipient.objects.update(user_id="u-2")
    assert_replayed(first, post(body, Idempotency_Key="k"))


def test_the_answer_stays_after_a_new_version_was_published(post, body, template):
    first = post(body, Idempotency_Key="k")
    builders.publish(builders.make_version(template), by="test")
    assert_replayed(first, post(body, Idempotency_Key="k"))


def test_times_may_be_given_in_another_zone(post, body):
    first = post(
        body
        | {"send_at": "2100-01-01T08:00:00+08:00", "expires_at": "2100-01-02T08:00:00.5+08:00"},
        Idempotency_Key="k",
    )
    again = post(
        body | {"send_at": "2100-01-01T00:00:00Z", "expires_at": "2100-01-01T22:00:00.500-02:00"},
        Idempotency_Key="k",
    )
    assert_replayed(first, again)
    assert first.json()["expires_at"] == "2100-01-02T00:00:00.500+00:00"


def test_the_same_request_may_be_written_otherwise(post, body):
    body |= {"metadata": {"a": 1, "b": {"c": 1, "d": 2}}}
    other = dict(reversed(body.items())) | {"metadata": {"b": {"d": 2, "c": 1}, "a": 1}}
    first = post(json.dumps(body).encode(), Idempotency_Key="k")
    again = post(json.dumps(other, indent=3, ensure_ascii=False).encode(), Idempotency_Key="k")
    assert_replayed(first, again)


@pytest.mark.parametrize(
    "change",
    [{"data": builders.DATA | {"product": "茶"}}, {"priority": "bulk"}, {"metadata": {"a": 1}}],
)
def test_another_request_with_the_key_is_refused(post, body, change):
    post(body, Idempotency_Key="k")
    answer = post(body | change, Idempotency_Key="k")
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:hongyan:problem:idempotency-key-reused"
    assert Message.objects.count() == 1


def test_a_bad_request_with_a_used_key_is_refused_for_the_key(post, body):
    post(body, Idempotency_Key="k")
    answer = post(body | {"template": "unknown"}, Idempotency_Key="k")
    assert answer.json()["type"] == "urn:hongyan:problem:idempotency-key-reused"


def test_a_refused_request_does_not_use_up_its_key(post, body):
    assert post(body | {"data": {}}, Idempotency_Key="k").status_code == 422
    assert post(body, Idempotency_Key="k").status_code == 202


def test_keys_of_two_clients_do_not_meet(post, body):
    other = APIClient(HTTP_AUTHORIZATION=f"Bearer {builders.make_client().make_key()}")
    headers = {"Idempotency-Key": "k"}
    first = post(body, **{"Idempotency_Key": "k"}).json()["id"]
    assert other.post(URL, body, format="json", headers=headers).json()["id"] != first


def test_without_a_key_every_request_is_a_message(post, body):
    assert post(body).json()["id"] != post(body).json()["id"]


def test_a_running_request_is_not_repeated(post, body, service):
    with idempotency.running(service, "k"):
        answer = post(body, Idempotency_Key="k")
    assert answer.status_code == 409
    assert answer["Retry-After"] == "1"
    assert answer["Content-Type"] == "application/problem+json"
    assert not Message.objects.exists()
    assert post(body, Idempotency_Key="k").status_code == 202


def test_a_key_holds_when_redis_lost_everything(post, body):
    first = post(body, Idempotency_Key="k")
    redis().flushdb()
    assert_replayed(first, post(body, Idempotency_Key="k"))


def test_a_race_makes_one_message(body, service):
    key = service.make_key()

    def send(_number):
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client.post(URL, body, format="json", headers={"Idempotency-Key": "k"})

    answers = at_once(20, send)
    assert Message.objects.count() == 1
    assert {answer.status_code for answer in answers} <= {202, 409}
    bodies = [answer.content for answer in answers if answer.status_code == 202]
    assert len(set(bodies)) == 1
    assert sum("Idempotent-Replayed" not in one for one in answers if one.status_code == 202) == 1


def test_a_race_between_processes_makes_one_message(body, service, dead_redis, monkeypatch):
    """Each process has marks of its own, and Redis is away: the database decides alone."""
    monkeypatch.setattr(idempotency, "_running", Forgetful())
    key = service.make_key()

    def send(_number):
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client.post(URL, body, format="json", headers={"Idempotency-Key": "k"})

    answers = at_once(10, send)
    assert [answer.status_code for answer in answers] == [202] * 10
    assert len({answer.content for answer in answers}) == 1
    assert Message.objects.count() == 1


class Forgetful(set):
    def add(self, mark):
        """As if every request were in a process of its own."""


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_1_to_255_characters(post, body, key):
    answer = post(body, Idempotency_Key=key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "invalid_idempotency_key"
    assert not Message.objects.exists()


@pytest.mark.parametrize("key", ["x" * 255, "é ~!", "0"])
def test_any_other_key_is_taken(post, body, key):
    assert_replayed(post(body, Idempotency_Key=key), post(body, Idempotency_Key=key))


def test_the_first_answer_is_given_to_a_key_that_is_over_its_limit(service, body):
    """A day's last message whose answer was lost: who repeats it must not wait until tomorrow."""
    key = service.make_key(per_day=1)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", raise_request_exception=False)

    def post(name):
        return client.post(URL, body, format="json", headers={"Idempotency-Key": name})

    first, again = post("k"), post("k")
    assert (first.status_code, again.content) == (202, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert post("other").status_code == 429
    assert Message.objects.count() == 1
