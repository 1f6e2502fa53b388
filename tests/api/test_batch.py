"""Many messages in one request: a result and a key for each row; all or nothing."""

import json
import time
from collections import Counter

import pytest
from django.utils import timezone

from notifier.intake import batch as intake
from notifier.intake import bulk
from notifier.models import ApiClient, Message, Recipient, Suppression
from templates_app import sendable
from templates_app.models import MessageTemplate
from tests import builders
from tests.api.conftest import URL, assert_problem
from tests.threads import at_once

BATCH = f"{URL}/batch"


@pytest.fixture
def post(api):
    def send(rows, **body):
        raw = rows if isinstance(rows, bytes) else json.dumps({"messages": rows} | body).encode()
        return api.post(BATCH, raw, content_type="application/json")

    return send


def results(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def codes(result):
    return [error["code"] for error in result["errors"]]


def test_each_row_becomes_a_message_of_its_own(post, body, template, person):
    other = builders.make_template(template.account)
    rows = [
        body,
        body | {"to": {"user": "u-1"}, "priority": "urgent", "metadata": {"n": 2}},
        body | {"template": other.code, "url": "https://example.com/x"},
    ]
    answer = post(rows)
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (3, 0)
    found = {one.id.hex: one for one in Message.objects.select_related("version")}
    first, second, third = (found[one["id"]] for one in results(answer))
    assert {one.recipient_id for one in found.values()} == {person.pk}
    assert (first.priority, second.priority, second.metadata) == (1, 0, {"n": 2})
    assert third.version_id == other.published_id
    assert json.loads(third.payload)["url"] == "https://example.com/x"
    assert json.loads(first.payload)["client_msg_id"] == first.id.hex
    assert json.loads(first.payload)["data"]["thing2"] == {"value": "云南白茶"}


def test_a_row_that_is_wrong_does_not_refuse_the_others(post, body, template):
    gone = builders.make_recipient(template.account, state="unfollowed")
    refusing = builders.make_recipient(template.account)
    Suppression.objects.create(recipient=refusing, template=template, since=timezone.now())
    answer = post(
        [
            body,
            body | {"template": "nonsense"},
            body | {"to": {"openid": gone.openid}},
            body | {"to": {"openid": refusing.openid}},
            body | {"to": {"user": "nobody"}},
            body | {"data": builders.DATA | {"order_no": "订单"}},
            body | {"colour": "red"},
            body | {"to": {}},
            "text",
            body | {"send_at": "2100-01-02T00:00:00Z", "expires_at": "2100-01-01T00:00:00Z"},
        ]
    )
    found = results(answer)
    assert [one["status"] for one in found] == ["queued"] + ["rejected"] * 9
    assert [codes(one)[0] for one in found[1:]] == [
        "unknown_template",
        "recipient_unfollowed",
        "recipient_refuses_template",
        "unknown_recipient",
        "has_chinese",
        "unknown_field",
        "one_of",
        "invalid_value",
        "too_early",
    ]
    assert found[5]["errors"][0]["pointer"] == "/data/order_no"
    assert Message.objects.count() == 1


def test_all_or_nothing(post, body):
    answer = post([body, body | {"data": {}}, body], all_or_nothing=True)
    assert_problem(answer, 422, "/messages/1/data/order_no", "missing_variable")
    assert answer.json()["type"] == "urn:hongyan:problem:rejected"
    assert_problem(post([body, 7], all_or_nothing=True), 422, "/messages/1")
    assert len(results(post([body, body], all_or_nothing=True))) == 2


def test_a_refused_batch_leaves_no_mark_against_doubles(post, body):
    MessageTemplate.objects.update(dedup_seconds=600)
    assert post([body, body | {"data": {}}], all_or_nothing=True).status_code == 422
    assert results(post([body]))[0]["status"] == "queued"
    assert codes(results(post([body]))[0]) == ["duplicate"]


def test_a_key_gives_its_first_answer(post, api, body):
    rows = [body | {"idempotency_key": f"k{number}"} for number in range(3)]
    first = results(post(rows))
    again = results(post([*rows, body | {"idempotency_key": "k3"}]))
    assert [one["id"] for one in again[:3]] == [one["id"] for one in first]
    assert [one["replayed"] for one in again] == [True, True, True, False]
    reused = results(post([rows[0] | {"metadata": {"other": 1}}]))
    assert codes(reused[0]) == ["idempotency_key_reused"]
    # The key of a batch's row is that of a single message.
    single = api.post(
        URL,
        json.dumps(body).encode(),
        content_type="application/json",
        headers={"Idempotency-Key": "k1"},
    )
    assert single.json()["id"] == first[1]["id"]
    assert single["Idempotent-Replayed"] == "true"
    assert Message.objects.count() == 4


def test_a_key_that_stands_twice_in_one_request(post, body):
    row = body | {"idempotency_key": "k"}
    found = results(post([row, row, row | {"metadata": {"other": 1}}]))
    assert found[0]["id"] == found[1]["id"]
    assert [one.get("replayed") for one in found[:2]] == [False, True]
    assert codes(found[2]) == ["idempotency_key_reused"]
    assert Message.objects.count() == 1


def test_a_replay_is_given_though_it_could_not_be_accepted_today(post, body, person):
    row = body | {"idempotency_key": "k"}
    first = results(post([row]))
    type(person).objects.update(state="unfollowed")
    assert results(post([row]))[0]["id"] == first[0]["id"]


def test_the_same_batch_at_the_same_moment_makes_each_message_once(post, body):
    rows = [body | {"idempotency_key": f"k{number}"} for number in range(50)]
    answers = at_once(6, lambda _number: post(rows))
    ids = [[one["id"] for one in results(answer)] for answer in answers]
    assert all(one == ids[0] for one in ids)
    assert Message.objects.count() == 50
    fresh = Counter(one["replayed"] for answer in answers for one in results(answer))
    assert fresh == {False: 50, True: 250}


def test_a_daily_cap_counts_within_the_batch(post, body):
    MessageTemplate.objects.update(daily_cap=2)
    found = results(post([body | {"metadata": {"n": number}} for number in range(4)]))
    assert [one["status"] for one in found] == ["queued", "queued", "rejected", "rejected"]


def test_two_at_the_same_moment_with_the_same_people_wait_for_each_other(
    post, body, template, person, monkeypatch
):
    """Each needs first whom the other needs second."""
    other = builders.make_template(template.account)
    MessageTemplate.objects.update(daily_cap=5)
    sendable.memory.forget()
    second = {"openid": builders.make_recipient(template.account).openid}
    turned = [body | {"to": second}, body | {"template": other.code}]
    straight = [body, body | {"template": other.code, "to": second}]

    def slowly(*args):
        outcomes = accept_many(*args)
        time.sleep(0.3)
        return outcomes

    accept_many = bulk.accept_many
    monkeypatch.setattr(intake, "accept_many", slowly)
    answers = at_once(2, lambda number: post([straight, turned][number]))
    assert [one.json()["accepted"] for one in answers] == [2, 2]


def test_a_client_that_is_deleted_at_this_moment(post, body, template, monkeypatch):
    MessageTemplate.objects.update(dedup_seconds=60)
    sendable.memory.forget()

    def deleted(*args):
        ApiClient.objects.all().delete()
        return accept_many(*args)

    accept_many = bulk.accept_many
    monkeypatch.setattr(intake, "accept_many", deleted)
    answer = post([body])
    assert_problem(answer, 503)
    assert (answer.json()["type"], answer["Retry-After"]) == ("urn:hongyan:problem:changing", "1")
    assert builders.make_message(template, Recipient.objects.get()).pk  # no double of nothing


@pytest.mark.parametrize("count", [0, 1001])
def test_how_many_are_taken(post, body, count):
    assert_problem(post([body] * count), 422, "/messages", "wrong_count")


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'{"messages": 3}', b'{"messages": [], "x": 1}', b"\xff", b"null"]
)
def test_what_is_no_batch(post, raw):
    answer = post(raw)
    assert answer.status_code in (400, 422)
    assert_problem(answer, answer.status_code)


def test_a_body_over_the_limit(post, body, settings):
    settings.API_MAX_BATCH_BYTES = 1000
    assert_problem(post([body] * 20), 413)


def test_without_a_key_nothing_is_read(client, body):
    for address in (BATCH, f"{URL}/stream"):
        assert client.post(address, b"{}", "application/json").status_code == 401


def test_the_requests_own_key_serves_for_rows_without_one(api, body):
    rows = [body, body | {"idempotency_key": "own"}, body | {"template": "no"}]

    def send(rows):
        return results(
            api.post(
                f"{URL}/batch",
                {"messages": rows},
                format="json",
                headers={"Idempotency-Key": "night-7"},
            )
        )

    first, again = send(rows), send(rows)
    assert [one["id"] for one in first[:2]] == [one["id"] for one in again[:2]]
    assert [one.get("replayed") for one in again] == [True, True, None]
    # What was refused has used nothing up; what is another message at its place is named.
    mended = send([body | {"priority": "bulk"}, rows[1], body])
    assert codes(mended[0]) == ["idempotency_key_reused"]
    assert mended[2]["replayed"] is False
    assert Message.objects.count() == 3
