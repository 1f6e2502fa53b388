"""GET /messages and POST /messages/cancel: filters, pages that stay right, whose."""

import json
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.models import Message, MessageLabel, State
from notifier.models.labels import MOST
from notifier.recipients.erasing import erase
from tests import builders
from tests.api.conftest import URL, assert_problem


@pytest.fixture
def send(post, body):
    def make(**changes):
        answer = post(body | changes)
        assert answer.status_code == 202, answer.content
        return answer.json()["id"]

    return make


@pytest.fixture
def listed(api):
    def ids(**query):
        answer = api.get(URL, query)
        assert answer.status_code == 200, answer.content
        return [row["id"] for row in answer.json()["data"]]

    return ids


def test_newest_first_as_one_message_is_told(api, send):
    ids = sorted(send(metadata={"n": n}) for n in range(3))
    data = api.get(URL).json()["data"]
    assert [row["id"] for row in data] == ids[::-1]
    alone = api.get(f"{URL}/{ids[2]}").json()
    assert data[0] == {name: alone[name] for name in data[0]}
    assert set(alone) - set(data[0]) == {"events", "waiting"}


def test_pages_stay_right_while_rows_arrive(api, send):
    ids = [send() for _ in range(7)]
    seen, after = [], {}
    while True:
        page = api.get(URL, {"limit": 3} | after).json()
        seen += [row["id"] for row in page["data"]]
        send()
        if not page["has_more"]:
            assert page["next"] is None
            break
        after = {"after": page["next"]}
    assert seen == sorted(ids, reverse=True)  # of one millisecond in any order


def test_filters(send, listed, template, service):
    plain = send()
    failed = send()
    Message.objects.filter(pk=failed).update(state=State.FAILED, errcode=43004)
    other = builders.make_template(template.account)
    third = send(template=other.code)
    person = builders.make_recipient(template.account, user_id="u-2")
    fourth = send(to={"user": "u-2"})
    assert listed(status="failed") == [failed]
    assert listed(status="failed,queued") == [fourth, third, failed, plain]
    assert listed(template=other.code) == [third]
    assert listed(user="u-2") == listed(openid=person.openid) == [fourth]
    assert listed(user="nobody") == []
    assert listed(errcode="43004") == [failed]
    assert listed(errcode="43004", status="queued") == []


def test_by_time(send, listed, api):
    first = send()
    between = timezone.now() + timedelta(milliseconds=2)
    while timezone.now() < between + timedelta(milliseconds=2):
        pass
    second = send()
    assert listed(since=between.isoformat()) == [second]
    assert listed(until=between.isoformat()) == [first]
    plus = between.astimezone().isoformat()
    assert api.get(f"{URL}?since={plus}").json()["data"][0]["id"] == second


@pytest.mark.parametrize(
    ("value", "asked"),
    [("A-1", "A-1"), (7, "7"), (True, "true"), (1.5, "1.5"), ("云南", "云南"), (2.0, "2")],
)
def test_by_metadata(send, listed, value, asked):
    found = send(metadata={"order_no": value, "deep": {"order_no": "x"}})
    send(metadata={"order_no": "another"})
    assert listed(**{"metadata[order_no]": asked}) == [found]
    assert listed(**{"metadata[order_no]": "x"}) == []


def test_several_entries_must_all_fit(send, listed):
    both = send(metadata={"shop": "1", "order": "2"})
    send(metadata={"shop": "1", "order": "3"})
    assert listed(**{"metadata[shop]": "1", "metadata[order]": "2"}) == [both]


def test_what_cannot_be_searched_is_kept_all_the_same(api, send):
    wide = {f"k{n}": "v" for n in range(30)}
    odd = {"long": "x" * 200, "list": [1], "null": None, "k" * 65: "v"}
    ids = [send(metadata=one) for one in (wide, odd)]
    assert [api.get(f"{URL}/{pk}").json()["metadata"] for pk in ids] == [wide, odd]
    assert MessageLabel.objects.filter(message=ids[0]).count() == MOST
    assert not MessageLabel.objects.filter(message=ids[1]).exists()


def test_rows_of_batches_and_streams_are_found(api, body, listed):
    rows = [body | {"metadata": {"row": n}} for n in range(3)] + [body]
    api.post(f"{URL}/batch", {"messages": rows}, format="json")
    lines = b"\n".join(json.dumps(row).encode() for row in rows)
    answer = api.generic("POST", f"{URL}/stream", lines, content_type="application/x-ndjson")
    answer.close()
    assert len(listed(**{"metadata[row]": "1"})) == 2
    assert MessageLabel.objects.count() == 6


def test_a_repeated_request_has_its_labels_once(post, body, listed):
    for _ in range(2):
        post(body | {"metadata": {"order": "1"}}, Idempotency_Key="k")
    assert MessageLabel.objects.count() == 1


def test_a_refused_message_leaves_none(post, body, person):
    person.state = "unfollowed"
    person.save()
    assert post(body | {"metadata": {"order": "1"}}).status_code == 422
    assert not MessageLabel.objects.exists()


def test_an_erased_person_leaves_none(send, person):
    send(metadata={"phone": "13800138000"})
    erase(person)
    assert not MessageLabel.objects.exists()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("status=lost", "There is no status 'lost'"),
        ("limit=0", "1 to 200"),
        ("limit=201", "1 to 200"),
        ("limit=x", "1 to 200"),
        ("after=x", "`next` of an earlier page"),
        ("since=yesterday", "ISO 8601"),
        ("since=2026-11-24T10:30:00", "ISO 8601"),
        ("since=2026-99-24T10:30:00Z", "ISO 8601"),
        ("since=0001-01-01T00:00:00Z", "ISO 8601"),
        ("errcode=x", "whole number"),
        ("errcode=0", "0 is no error"),
        ("colour=red", "There is no such filter"),
        ("user=a%00", "without NUL"),
        ("user=" + "x" * 256, "255"),
        ("status=sent&status=failed", "commas"),
        ("&".join(f"metadata[k{n}]=1" for n in range(6)), "At most 5"),
        (f"metadata[k]={'x' * 129}", "up to 128 characters"),
    ],
)
def test_what_is_wrong_is_named(api, template, query, told):
    answer = api.get(f"{URL}?{query}")
    assert_problem(answer, 422)
    assert told in answer.json()["detail"]
    assert answer.json()["detail"].startswith(query.partition("=")[0][:5])


def test_others_messages_are_not_listed(send, listed, template):
    other = builders.make_message(template)
    Message.objects.filter(pk=other.pk).update(client=builders.make_client())
    builders.make_message(template)
    mine = send()
    assert listed() == [mine]


# POST /messages/cancel


@pytest.fixture
def cancel(api):
    return lambda body: api.post(f"{URL}/cancel", body, format="json")


def test_what_fits_the_filter_is_cancelled(cancel, send, listed, template):
    gone = [send(metadata={"order": "1"}) for _ in range(3)]
    stays = send(metadata={"order": "2"})
    Message.objects.filter(pk=gone[2]).update(state=State.DELIVERED)
    answer = cancel({"metadata": {"order": "1"}, "template": template.code})
    assert answer.json() == {"cancelled": 2, "unknown": 0, "too_late": 0, "has_more": False}
    assert listed(status="cancelled") == gone[1::-1]
    assert listed(status="queued") == [stays]


def test_many_are_cancelled_call_by_call(cancel, send, monkeypatch):
    monkeypatch.setattr("notifier.api.views.MOST_CANCELLED", 2)
    for _ in range(3):
        send()
    answers = [cancel({"status": "queued"}).json() for _ in range(2)]
    assert [(one["cancelled"], one["has_more"]) for one in answers] == [(2, True), (1, False)]


@pytest.mark.parametrize(
    "given", [{}, {"metadata": {}}, {"metadata": 1}, {"colour": "red"}, {"user": 7}, [], "x"]
)
def test_a_filter_that_is_none_cancels_nothing(cancel, send, given):
    pk = send()
    answer = cancel(given)
    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
    assert Message.objects.get(pk=pk).state == State.QUEUED


def test_nobody_cancels_anothers(cancel, template, person):
    other = builders.make_message(template, person)
    assert cancel({"openid": person.openid}).json()["cancelled"] == 0
    other.refresh_from_db()
    assert other.state == State.QUEUED
    assert isinstance(other.pk, uuid.UUID)
