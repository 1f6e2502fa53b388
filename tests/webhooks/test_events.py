"""The stream of changes: each change of a message that a service asked for, once, in order."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notifier.dispatch.claim import claim
from notifier.dispatch.outbox import note_changes
from notifier.dispatch.settle import settle
from notifier.intake.accept import Origin
from notifier.models import ClientEvent, EventLog, Message, OutboxEntry, State, WebhookDelivery
from notifier.models.ids import new_message_id
from notifier.recipients.erasing import erase
from notifier.webhooks import relay as module
from notifier.webhooks.relay import ping, prune, relay
from notifier.wechat.errors import Kind
from tests import builders
from tests.dispatch.conftest import answered, claim_one, lane_of
from tests.receipts.pushes import push, receipt
from tests.webhooks.conftest import end, relay_all

EVENTS = "/api/v1/events"


def events(api, **query):
    answer = api.get(EVENTS, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def types(api, **query):
    return [one["type"] for one in events(api, **query)["data"]]


def test_a_message_that_goes_its_way_is_told_of(api, ask):
    message = ask(metadata={"order": 7})
    settle([answered(claim_one(message))], timezone.now())
    relay_all()
    (event,) = events(api)["data"]
    assert event["id"].startswith("evt_")
    assert event["type"] == "message.sent"
    assert event["data"] == {
        "id": message.id.hex,
        "status": "sent",
        "template": message.version.template.code,
        "to": {"openid": message.openid, "user": None},
        "test": False,
        "metadata": {"order": 7},
        "errcode": None,
        "reason": None,
        "detail": None,
        "attempt": 1,
    }


def test_a_refusal_says_what_wechat_said(api, ask):
    refused = answered(claim_one(ask()), Kind.REQUEST, errcode=47003, detail="argument invalid!")
    settle([refused], timezone.now())
    relay_all()
    (event,) = events(api)["data"]
    assert event["type"] == "message.failed"
    assert (event["data"]["errcode"], event["data"]["detail"]) == (47003, "argument invalid!")


def test_a_retry_is_no_event(api, ask):
    settle([answered(claim_one(ask()), Kind.SLOW, errcode=-1)], timezone.now())
    assert not OutboxEntry.objects.exists()


@pytest.mark.parametrize("state", [State.EXPIRED, State.UNKNOWN, State.CANCELLED])
def test_an_end_without_a_call_is_told_of(api, ask, state):
    end(ask(), state)
    relay_all()
    assert types(api) == [f"message.{state}"]


def test_a_receipt_is_told_of(api, ask, work):
    message = ask()
    settle([answered(claim_one(message))], timezone.now())
    message.refresh_from_db()
    push(message.account, receipt(message.openid, message.msgid))
    work()
    relay_all()
    assert types(api) == ["message.sent", "message.delivered"]


def test_nobody_is_told_of_a_message_that_no_service_asked_for(template):
    end(builders.make_message(template))
    assert not OutboxEntry.objects.exists()


def test_a_change_that_is_rolled_back_is_not_told(ask):
    message = ask()
    with transaction.atomic():
        end(message)
        transaction.set_rollback(True)
    assert not OutboxEntry.objects.exists()


def test_another_service_sees_nothing(api, ask, template):
    other = builders.make_client()
    end(builders.make_message(template, origin=Origin(client=other)))
    relay_all()
    assert events(api)["data"] == []


def test_pages_lead_through_all_of_them_once(api, ask):
    messages = [end(ask()) for _ in range(7)]
    relay_all()
    seen, after = [], {}
    while True:
        page = events(api, limit=3, **after)
        seen += [one["data"]["id"] for one in page["data"]]
        after = {"after": page["next"]}
        if not page["has_more"]:
            break
    assert seen == [one.id.hex for one in messages]
    assert events(api, **after)["data"] == []
    late = end(ask())
    relay_all()
    assert [one["data"]["id"] for one in events(api, **after)["data"]] == [late.id.hex]


def test_the_cursor_goes_on_while_nothing_happens_to_the_client(api, ask, template):
    end(ask())
    relay_all()
    first = events(api)["next"]
    for _ in range(3):
        end(builders.make_message(template, origin=Origin(client=builders.make_client())))
    relay_all()
    then = events(api, after=first)["next"]
    assert int(then) > int(first)


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "-1"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "a"}]
)
def test_what_is_no_cursor_or_limit_is_refused_with_its_name(api, query):
    answer = api.get(EVENTS, query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


def test_who_comes_too_late_is_told_so(api, ask):
    end(ask())
    relay_all()
    first = events(api, limit=1)["next"]
    end(ask())
    relay_all()
    ClientEvent.objects.update(created_at=timezone.now() - timedelta(days=8))
    end(ask())
    relay_all()
    assert prune() is False
    assert api.get(EVENTS, {"after": first}).status_code == 410
    assert len(events(api)["data"]) == 1


def test_a_reader_who_is_up_to_date_is_not_too_late(api, ask):
    end(ask())
    relay_all()
    up_to_date = events(api)["next"]
    ClientEvent.objects.update(created_at=timezone.now() - timedelta(days=8))
    prune()
    assert events(api, after=up_to_date)["data"] == []
    assert EventLog.objects.get().pruned_through == int(up_to_date)


def test_slices_are_moved_until_none_is_left(api, ask, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 2)
    for _ in range(5):
        end(ask())
    assert [relay() for _ in range(3)] == [True, True, False]
    assert len(events(api)["data"]) == 5


def test_a_change_of_what_is_gone_keeps_no_other_from_being_told(api, ask, caplog):
    """The outbox has no constraints, and the log has."""
    end(ask())
    (entry,) = OutboxEntry.objects.all()
    OutboxEntry.objects.filter(pk=entry.pk).update(message_id=new_message_id())
    end(ask())
    (_, entry) = OutboxEntry.objects.order_by("pk")
    OutboxEntry.objects.filter(pk=entry.pk).update(client_id=0)
    told = end(ask())
    relay_all()
    assert [one["data"]["id"] for one in events(api)["data"]] == [told.id.hex]
    assert not OutboxEntry.objects.exists()
    assert "2 changes are told to nobody" in caplog.text


def test_pings_are_not_in_the_stream(api, service):
    ping(builders.make_endpoint(service))
    assert events(api)["data"] == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one write at a time")
def test_a_change_that_commits_late_comes_after_what_was_read(api, ask):
    """Its row in the outbox has the lower id, and yet a reader who is further on sees it."""
    slow, quick = ask(), ask()
    Message.objects.update(state=State.SENT)
    written, read = threading.Event(), threading.Event()

    def late() -> None:
        with transaction.atomic():
            end(slow)
            written.set()
            read.wait(10)
        connection.close()

    thread = threading.Thread(target=late)
    thread.start()
    written.wait(10)
    note_changes([quick.pk], timezone.now())
    relay_all()
    page = events(api)
    assert [one["data"]["id"] for one in page["data"]] == [quick.id.hex]
    read.set()
    thread.join()
    relay_all()
    rest = events(api, after=page["next"])["data"]
    assert [one["data"]["id"] for one in rest] == [slow.id.hex]


def test_two_relays_double_nothing(api, ask, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 3)
    for _ in range(40):
        end(ask())

    def run() -> None:
        relay_all()
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    relay_all()
    told = [one["data"]["id"] for one in events(api)["data"]]
    assert len(told) == len(set(told)) == 40


def test_an_erased_person_is_erased_from_the_events(api, ask, service):
    builders.make_endpoint(service)
    message = end(ask(metadata={"name": "李雷"}))
    relay_all()
    WebhookDelivery.objects.update(log=[{"problem": "refused", "answer": "李雷 is unknown"}])
    erase(message.recipient)
    (event,) = events(api)["data"]
    assert event["data"]["metadata"] == {}
    assert event["data"]["to"]["openid"].startswith("erased-")
    assert WebhookDelivery.objects.get().log == []


def test_a_batch_is_noted_in_one_statement(ask, django_assert_num_queries):
    message = ask()
    builders.copies(message, 20)
    rows = claim(lane_of(message), 50, timezone.now()).rows
    settle([answered(row) for row in rows], timezone.now())
    assert OutboxEntry.objects.count() == len(rows) == 21
    assert Message.objects.filter(state=State.SENT).count() == 21
