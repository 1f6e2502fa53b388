"""What fails is told: as failed in its trace, with its ids in the log, cleaned in Redis, too."""

import json
import logging
from traceback import format_exception

import pytest
import requests
from django.db import IntegrityError, connection, transaction
from django.test import Client
from rq.registry import FailedJobRegistry

from notifier.dispatch import lanes
from notifier.models import Message, Recipient, State
from notifier.observability import health
from notifier.observability.logs import Calm, Flood
from notifier.redaction import clean
from notifier.tracing import Context, sdk
from notifier.webhooks import post
from notifier.webhooks.wire import Line
from notifier.wechat.client import WeChatClient
from tests import builders
from tests.observability.test_logs import OPENID, TOKEN, TRACE, caught, record_of
from tests.webhooks.receiver import receiving

SPAN = "00f067aa0ba902b7"
KEPT = f"00-{TRACE}-{SPAN}-01"
TRACED = {"traceparent": KEPT}


@pytest.fixture
def broken(monkeypatch):
    """/readyz raises."""

    def fail(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(health, "checks", fail)
    return Client(raise_request_exception=False)


def test_a_request_that_fails_has_failed_in_its_trace(collector, broken):
    assert broken.get("/readyz", headers=TRACED).status_code == 500
    assert broken.get("/nowhere", headers=TRACED).status_code == 404
    sdk.provider().force_flush()
    assert sorted((one.problem or "") for one in collector.of(TRACE)) == ["", "answered 500"]


@pytest.mark.parametrize(("answer", "failed"), [(204, False), (503, True), (None, True)])
def test_a_webhook_that_fails_has_failed_in_its_trace(collector, answer, failed):
    parcel = post.Parcel(1, "evt_1", b"{}", Context(KEPT))
    with receiving() as receiver:
        url = receiver.url if answer else "http://127.0.0.1:9/"
        receiver.usual = answer or 204
        with requests.Session() as session:
            post.post(session, Line(), url, ["whsec_" + "a" * 32], parcel)
    sdk.provider().force_flush()
    (span,) = collector.of(TRACE)
    assert (span.name, span.attributes["hongyan.event_id"]) == ("webhook", "evt_1")
    assert span.attributes.get("http.response.status_code") == answer
    assert bool(span.problem) == failed


def test_a_fault_of_our_own_is_told_with_its_traceback(platform, work, monkeypatch):
    async def fail(*_args):
        raise KeyError(OPENID)

    monkeypatch.setattr(WeChatClient, "send_template", fail)
    message = platform.message()
    with caught("notifier.dispatch.send") as said:
        work()
    told = json.loads(said[0])
    assert told["message_id"] == message.pk.hex
    assert "KeyError" in told["exception"]
    assert OPENID not in said[0]


def test_a_message_that_reaches_nobody_has_a_line(platform, work):
    refused, _sent = platform.message(builders.magic("unfollowed")), platform.message()
    with caught("notifier.dispatch.settle") as said:
        work()
    (told,) = map(json.loads, said)
    assert told["message_id"] == refused.pk.hex
    assert told["message"] == f"message {refused.pk.hex} is failed (recipient, 43004)"
    assert Message.objects.get(pk=refused.pk).state == State.FAILED


def test_of_a_job_that_failed_redis_keeps_nothing_private_and_the_line_names_it(db, work):
    queue = lanes.queue("normal")
    text = f"secret={TOKEN} to {OPENID}"
    job = queue.enqueue("tests.observability.jobs.fail", text)
    with caught("rq.worker") as said:
        work()
    (told,) = map(json.loads, said)
    assert told["job_id"] == job.id
    kept = job.latest_result().exc_string
    assert "ValueError" in kept
    for private in (TOKEN, OPENID):
        assert private not in kept
        assert private not in said[0]
    FailedJobRegistry(queue=queue).remove(job, delete_job=True)


def test_a_failed_job_is_not_kept_for_a_year(db, work):
    queue = lanes.queue("normal")
    lanes.wake_job(lanes.Wake("test:flag", "normal", "tests.observability.jobs.fail", (1,)))
    work()
    failed = FailedJobRegistry(queue=queue)
    (job_id,) = failed.get_job_ids()
    assert 0 < lanes.redis().ttl(f"rq:job:{job_id}") <= 14 * 86400
    failed.remove(job_id, delete_job=True)


def test_a_line_says_nothing_of_a_refused_requests_query(db, client):
    with caught("django.request") as said:
        client.get("/api/v1/nowhere?phone=13800138000&email=a@b.cn")
    (written,) = said
    told = json.loads(written)
    assert (told["status_code"], told["method"]) == (404, "GET")
    assert "13800138000" not in written
    assert "a@b.cn" not in written


def test_a_flood_of_refusals_does_not_swallow_an_error(broken):
    flood = Flood(most=3)
    logger = logging.getLogger("django.request")
    logger.addFilter(flood)
    try:
        with caught("django.request") as said:
            for _ in range(9):
                broken.get("/nowhere")
            broken.get("/readyz")
    finally:
        logger.removeFilter(flood)
    assert [json.loads(one)["level"] for one in said] == [*["warning"] * 3, "error"]
    assert "ZeroDivisionError" in said[-1]


def test_each_failed_job_is_told_and_what_repeats_itself_once():
    calm = Calm(most=1)
    assert [calm.filter(record_of("redis is away")) for _ in range(3)] == [True, False, False]
    assert all(calm.filter(record_of("job failed", job_id=f"j{one}")) for one in range(3))


def test_a_rows_values_in_a_databases_error_are_left_out(transactional_db):
    person, name = builders.make_recipient(builders.make_account()), "张三"
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Recipient.objects.filter(pk=person.pk).update(name=name, openid=None)
    error = RuntimeError("while storing")
    error.__cause__ = raised.value
    told = clean("".join(format_exception(error)))
    assert "while storing" in told
    assert name not in told
    if connection.vendor == "postgresql":
        assert "DETAIL:  [redacted]" in told


def test_what_follows_the_values_of_a_row_stays():
    text = "E: no\nDETAIL:  Key (phone)=(13800138000).\n\nThe above exception was the direct cause"
    assert clean(text) == "E: no\nDETAIL:  [redacted]\n\nThe above exception was the direct cause"
    assert "13800138000" not in clean(repr(text))


@pytest.mark.parametrize(
    "private",
    [
        "无\n描述:  失败的行包含(1, 张三, ...)。",
        "x\nDÉTAIL :  La clé (nom)=(张三)",
        "x\nПОДРОБНОСТИ:  (имя)=(张三)",
        "x\n  | DETAIL:  Key (name)=(张三)",
        'invalid input syntax for type uuid: "张三"',
        'value "张三" is out of range for type integer',
    ],
)
def test_a_value_is_left_out_in_each_form(private):
    assert "张三" not in clean(private)


@pytest.mark.parametrize(
    "useful",
    [
        "a\nValueError: x",
        "worker died\nstderr:  foo\nTraceback (most recent call last)",
        "deadlock detected\nDETAIL:  Process 12 waits for ShareLock on transaction 5",
        "no\nHINT:  No operator matches",
    ],
)
def test_what_an_engineer_needs_stays(useful):
    assert clean(useful) == useful


def test_a_traceback_behind_the_values_stays():
    text = "dup\nDETAIL:  Key (a)=(1)\nHINT:  h\nTraceback (most recent call last)\nKeyError"
    assert clean(text).endswith("[redacted]\nHINT:  h\nTraceback (most recent call last)\nKeyError")
