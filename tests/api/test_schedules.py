"""Recurring messages: made, shown with their next runs, sent once each, and what was missed."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from notifier.models import ApiClient, ApiKey, Message, Schedule
from notifier.recipients.erasing import erase
from notifier.schedules import send
from tests import builders
from tests.threads import at_once

URL = "/api/v1/schedules"


@pytest.fixture
def asked(body):
    return {"name": "weekly", "cron": "0 9 * * mon", "zone": "Asia/Shanghai", "message": body}


@pytest.fixture
def made(api, asked):
    def make(**changes):
        answer = api.post(URL, asked | changes, format="json")
        assert answer.status_code == 201, answer.content
        return Schedule.objects.get(pk=answer.json()["id"])

    return make


def due(schedule, **ago):
    Schedule.objects.filter(pk=schedule.pk).update(next_at=timezone.now() - timedelta(**ago))


def test_the_next_five_runs_are_shown(api, made, person):
    found = api.get(f"{URL}/{made().pk}").json()
    assert len(found["next_runs"]) == 5
    assert all("T01:00:00" in run for run in found["next_runs"])
    assert found["message"]["to"] == {"openid": person.openid}
    assert [row["id"] for row in api.get(URL).json()["data"]] == [found["id"]]


def test_a_run_makes_one_message_as_the_service_asked(api, made, asked):
    schedule = made(message=asked["message"] | {"metadata": {"n": 1}, "priority": "urgent"})
    due(schedule, seconds=1)
    send.send_due()
    send.send_due()
    message = Message.objects.get()
    assert message.metadata == {"n": 1, "schedule": schedule.pk}
    assert (message.priority, message.client_id) == (0, schedule.client_id)
    found = api.get(f"{URL}/{schedule.pk}").json()
    assert found["last_message"] == message.pk.hex
    assert api.get("/api/v1/messages", {"metadata[schedule]": schedule.pk}).json()["data"]
    schedule.refresh_from_db()
    assert schedule.next_at > timezone.now()


@pytest.mark.parametrize(("late", "count"), [("once", 1), ("skip", 0), ("all", 4)])
def test_what_was_missed(made, late, count):
    schedule = made(cron="0 * * * *", late=late)
    now = timezone.now().replace(minute=30, second=0, microsecond=0)
    first = now.replace(minute=0) - timedelta(hours=3)
    Schedule.objects.filter(pk=schedule.pk).update(next_at=first)
    send._send(schedule.pk, now)
    assert Message.objects.count() == count


def test_two_clocks_at_once_make_one(made):
    due(made(), seconds=1)
    at_once(2, lambda _number: send.send_due())
    assert Message.objects.count() == 1


def test_a_run_that_is_repeated_after_a_crash_makes_no_second_message(made):
    schedule = made()
    moment = timezone.now() - timedelta(seconds=1)
    for _ in range(2):
        Schedule.objects.filter(pk=schedule.pk).update(next_at=moment)
        send.send_due()
    assert Message.objects.count() == 1


def test_what_is_refused_today_is_told_and_tried_the_next_time(api, made, person):
    schedule = made()
    person.state = "unfollowed"
    person.save()
    due(schedule, seconds=1)
    send.send_due()
    assert not Message.objects.exists()
    found = api.get(f"{URL}/{schedule.pk}").json()
    assert "does not follow" in found["last_problem"]
    assert found["next_runs"]


def test_it_is_paused_resumed_and_deleted(api, made):
    schedule = made()
    paused = api.post(f"{URL}/{schedule.pk}/pause").json()
    assert (paused["active"], paused["next_runs"]) == (False, [])
    schedule.refresh_from_db()
    assert schedule.next_at is None
    assert len(api.post(f"{URL}/{schedule.pk}/resume").json()["next_runs"]) == 5
    assert api.delete(f"{URL}/{schedule.pk}").status_code == 204
    assert api.get(f"{URL}/{schedule.pk}").status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"cron": "every day"}, "/cron"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"late": "never"}, "/late"),
        ({"name": ""}, "/name"),
    ],
)
def test_what_is_wrong_is_named(api, asked, changes, pointer):
    answer = api.post(URL, asked | changes, format="json")
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_its_message_is_checked_at_once(api, asked, body):
    for wrong in ({"data": {}}, {"send_at": "2100-01-01T00:00:00Z"}, {"to": "nobody"}):
        answer = api.post(URL, asked | {"message": body | wrong}, format="json")
        assert answer.status_code == 422, answer.content
    assert not Schedule.objects.exists()


def test_others_and_the_sandboxs_are_apart(made, service, asked):
    schedule = made()
    other = builders.make_client().make_key()
    tester = service.make_key(is_test=True)
    for key in (other, tester):
        client = APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")
        assert client.get(f"{URL}/{schedule.pk}").status_code == 404
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {tester}")
    sandbox = asked | {"message": asked["message"] | {"to": "sandbox-delivered"}}
    pk = client.post(URL, sandbox, format="json").json()["id"]
    due(Schedule.objects.get(pk=pk), seconds=1)
    send.send_due()
    assert Message.objects.get().is_test


def test_an_erased_person_gets_none(made, person):
    made()
    erase(person)
    assert not Schedule.objects.exists()


def test_a_key_sees_those_of_its_templates_alone(api, made, template):
    schedule = made()
    key = ApiKey.objects.get()
    key.templates.add(builders.make_template(template.account))
    assert api.get(f"{URL}/{schedule.pk}").status_code == 404
    assert api.get(URL).json()["data"] == []
    key.templates.set([template])
    assert api.get(f"{URL}/{schedule.pk}").status_code == 200


def test_the_same_request_makes_one(api, asked):
    headers = {"Idempotency-Key": "k"}
    first, again = (api.post(URL, asked, format="json", headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert again["Idempotent-Replayed"] == "true"
    other = api.post(URL, asked | {"cron": "0 8 * * *"}, format="json", headers=headers)
    assert other.json()["type"].endswith("idempotency-key-reused")
    assert Schedule.objects.count() == 1


def test_the_same_request_many_times_at_once_makes_one(api, asked):
    headers = {"Idempotency-Key": "k"}
    answers = at_once(8, lambda _number: api.post(URL, asked, format="json", headers=headers))
    assert {answer.status_code for answer in answers} == {201}
    assert {answer.json()["id"] for answer in answers} == {Schedule.objects.get().pk}


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"data": {}}, "/message/data/order_no"),
        ({"to": {"user": "nobody"}}, "/message/to"),
        ({"to": {}}, "/message/to"),
        ({"metadata": {"x": "\0"}}, "/message/metadata/x"),
    ],
)
def test_a_fault_of_the_message_is_named_where_it_stands(api, asked, wrong, pointer):
    answer = api.post(URL, asked | {"message": asked["message"] | wrong}, format="json")
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


def test_a_client_that_is_switched_off_sends_nothing_more(made):
    schedule = made()
    ApiClient.objects.update(is_active=False)
    due(schedule, seconds=1)
    send.send_due()
    assert not Message.objects.exists()
    schedule.refresh_from_db()
    assert "switched off" in schedule.last_problem
    assert schedule.next_at > timezone.now()


def test_all_that_were_missed_are_sent_however_many(made, monkeypatch):
    monkeypatch.setattr(send, "MOST_MISSED", 2)
    schedule = made(cron="* * * * *", late="all")
    due(schedule, minutes=9, seconds=30)
    for _ in range(5):
        send.send_due()
    assert Message.objects.count() in (10, 11)  # a minute may begin meanwhile
    schedule.refresh_from_db()
    assert schedule.next_at > timezone.now()
