"""The one way in: what is stored, what WeChat will get, and when the lane is woken."""

import json
import uuid
import zlib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from notifier.dispatch import clock, lanes
from notifier.dispatch.lanes import Lane
from notifier.intake.errors import Rejected
from notifier.models import Message, Priority, Reason, State
from notifier.models.ids import new_message_id
from notifier.models.timeline import timeline
from tests import builders
from tests.builders import make_message, make_template

pytestmark = pytest.mark.django_db(transaction=True)
SOON = timedelta(hours=1)


def sent(message):
    return json.loads(message.payload)


def jobs(name="normal"):
    """The jobs as they lie in Redis, with their call unpacked."""
    queue = lanes.queue(name)
    rows = [queue.connection.hgetall(queue.job_class.key_for(pk)) for pk in queue.job_ids]
    return [row | {b"data": zlib.decompress(row[b"data"])} for row in rows]


def test_the_row_holds_what_wechat_gets():
    message = make_message()
    assert sent(message) == {
        "touser": message.openid,
        "template_id": message.version.wechat_template_id,
        "client_msg_id": message.id.hex,
        "data": {
            "character_string1": {"value": "A-1001"},
            "thing2": {"value": "云南白茶"},
            "time3": {"value": "2026-11-24 10:00"},
        },
    }
    assert "云南白茶" in message.payload


def test_a_new_message_is_queued_and_due():
    message = make_message()
    assert (message.state, message.reason, message.attempts) == (State.QUEUED, "", 0)
    assert message.due_at == message.created_at
    assert [event.state for event in timeline(message)] == [State.QUEUED]


@pytest.mark.parametrize("priority", Priority)
def test_the_lane_of_its_priority_is_woken(priority):
    make_message(priority=priority)
    waiting = {name: len(lanes.queue(name)) for name in ("urgent", "normal", "bulk")}
    assert waiting == {"urgent": 0, "normal": 0, "bulk": 0} | {priority.word: 1}


def test_many_messages_wake_their_lane_once():
    template = make_template()
    for _ in range(5):
        make_message(template)
    assert len(lanes.queue("normal")) == 1


def test_a_job_carries_ids_only():
    message = make_message()
    (job,) = jobs()
    name, _, args, _ = json.loads(job[b"data"])
    assert (name, args) == ("notifier.dispatch.drain.drain_lane", [message.account_id, 1])
    carried = b" ".join(job.values()).decode("latin-1")
    for private in (message.openid, message.id.hex, "A-1001", message.account.appid):
        assert private not in carried


def test_nothing_is_woken_before_the_commit():
    template = make_template()
    recipient = builders.make_recipient(template.account)
    with transaction.atomic():
        make_message(template, recipient)
        assert len(lanes.queue("normal")) == 0
    assert len(lanes.queue("normal")) == 1


def test_nothing_is_woken_after_a_rollback():
    template = make_template()
    recipient = builders.make_recipient(template.account)
    with transaction.atomic():
        make_message(template, recipient)
        transaction.set_rollback(True)
    assert len(lanes.queue("normal")) == 0
    assert not Message.objects.exists()


def test_a_message_is_accepted_while_redis_is_away(dead_redis):
    message = make_message()
    assert Message.objects.get(pk=message.pk).state == State.QUEUED


def test_the_clock_wakes_what_was_accepted_while_redis_was_away(monkeypatch, dead_redis):
    message = make_message()
    monkeypatch.undo()
    clock.tick(timezone.now())
    assert [json.loads(job[b"data"])[2][0] for job in jobs()] == [message.account_id]


def test_a_scheduled_message_waits_for_its_time():
    send_at = timezone.now() + SOON
    message = make_message(send_at=send_at)
    lane = Lane(message.account_id, Priority.NORMAL)
    assert (message.reason, message.due_at) == (Reason.SCHEDULED, send_at)
    assert clock.oldest_due(send_at - timedelta(milliseconds=1)).keys() == set()
    assert clock.oldest_due(send_at).keys() == {lane}


def test_a_scheduled_message_is_not_sent_before_its_time(platform, work):
    message = platform.message(send_at=timezone.now() + SOON)
    work()
    assert platform.received() == []
    with time_machine.travel(message.due_at + timedelta(seconds=1)):
        clock.tick(timezone.now())
        work()
    message.refresh_from_db()
    assert message.state == State.SENT


def test_a_scheduled_message_lives_a_day_from_its_time():
    message = make_message(send_at=timezone.now() + SOON)
    assert message.expires_at == message.due_at + timedelta(days=1)


def test_a_message_expires_when_the_caller_says():
    expires_at = timezone.now() + SOON
    assert make_message(expires_at=expires_at).expires_at == expires_at


def test_the_callers_link_takes_the_place_of_the_templates():
    template = make_template(url="https://example.com/{{ order_no }}")
    assert sent(make_message(template))["url"] == "https://example.com/A-1001"
    assert sent(make_message(template, url="https://other.example/x"))["url"] == (
        "https://other.example/x"
    )


def test_the_callers_mini_program_takes_the_place_of_the_templates():
    template = make_template(miniprogram_appid="wx1", miniprogram_pagepath="p?o={{ order_no }}")
    assert sent(make_message(template))["miniprogram"] == {"appid": "wx1", "pagepath": "p?o=A-1001"}
    own = make_message(template, miniprogram=("wx2", "q"))
    assert sent(own)["miniprogram"] == {"appid": "wx2", "pagepath": "q"}


def test_a_value_too_long_is_shortened_where_the_template_says_so():
    version = builders.make_version(make_template())
    version.fields.filter(key="thing2").update(overflow="shorten")
    builders.publish(version, by="test")
    version.template.refresh_from_db()
    message = make_message(version.template, data=builders.DATA | {"product": "茶" * 30})
    assert sent(message)["data"]["thing2"]["value"] == "茶" * 19 + "…"


def test_a_value_too_long_is_refused_where_it_does_not():
    with pytest.raises(Rejected) as refused:
        make_message(data=builders.DATA | {"product": "茶" * 30})
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/data/product", "too_long")
    ]
    assert not Message.objects.exists()


def test_a_draft_does_not_change_what_is_sent():
    template = make_template()
    builders.make_version(template, {"thing2": "草稿 {{ product }}"})
    assert sent(make_message(template))["data"]["thing2"]["value"] == "云南白茶"


def test_ids_are_ordered_by_time_and_fit_wechats_limit():
    ids = []
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock_:
        for _ in range(50):
            ids.append(new_message_id())
            clock_.shift(timedelta(milliseconds=1))
    assert ids == sorted(ids)
    assert {(len(pk.hex), pk.version, pk.variant) for pk in ids} == {(32, 7, uuid.RFC_4122)}


def test_ids_made_at_once_differ():
    assert len({new_message_id() for _ in range(10_000)}) == 10_000
