"""Test keys: every outcome can be seen, and neither WeChat nor a person hears of it."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from notifier.dispatch import clock
from notifier.dispatch.claim import claim
from notifier.dispatch.lanes import Lane
from notifier.intake.accept import Origin
from notifier.models import (
    Message,
    MessageCount,
    Priority,
    Push,
    Recipient,
    RecipientState,
    Suppression,
)
from notifier.models.sandbox import SANDBOX
from notifier.receipts.process import process_pushes
from notifier.webhooks.relay import relay
from tests import builders
from tests.api.conftest import URL
from tests.dispatch.conftest import hurry

OUTCOMES = {
    "sandbox-delivered": ("delivered", 1, 0),
    "sandbox-blocked": ("undelivered", 1, 0),
    "sandbox-system-failed": ("undelivered", 1, 0),
    "sandbox-no-receipt": ("sent", 1, 0),
    "sandbox-unfollowed": ("failed", 1, 43004),
    "sandbox-refuses": ("failed", 1, 43101),
    "sandbox-invalid": ("failed", 1, 40003),
    "sandbox-retried": ("delivered", 3, 0),
    "sandbox-lost-answer": ("delivered", 2, 0),
}
"""state, attempts, errcode"""


@pytest.fixture
def tester(service):
    key = service.make_key(is_test=True)
    assert key.startswith("hy_test_")
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", raise_request_exception=False)


def send(tester, platform, to, **more):
    body = {"template": platform.template.code, "to": to, "data": builders.DATA} | more
    return tester.post(URL, body, format="json")


def settle(work):
    """Retries and receipts at once."""
    hurry(work)
    Push.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    process_pushes()


def test_the_table_has_no_outcome_untried():
    assert OUTCOMES.keys() | {"sandbox-unknown"} == SANDBOX.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_outcome_is_seen(tester, platform, work, name):
    pk = send(tester, platform, {"user": name}).json()["id"]
    settle(work)
    found = tester.get(f"{URL}/{pk}").json()
    error = (found["error"] or {}).get("errcode", 0)
    assert (found["status"], found["attempts"], error) == OUTCOMES[name]
    assert platform.received() == []


def test_what_is_never_answered_becomes_unknown(tester, platform, work):
    pk = send(tester, platform, "sandbox-unknown").json()["id"]
    work()
    assert tester.get(f"{URL}/{pk}").json()["status"] == "queued"
    past = timezone.now() - timedelta(minutes=11)
    Message.objects.update(in_doubt_since=past, due_at=past)
    clock.tick(timezone.now())
    work()
    assert tester.get(f"{URL}/{pk}").json()["status"] == "unknown"


def test_nothing_is_left_behind(tester, platform, work):
    """No figure, no suppression, no breaker, no hold, and each may be sent to again and again."""
    for _ in range(8):
        for name in ("sandbox-refuses", "sandbox-unfollowed", "sandbox-invalid"):
            assert send(tester, platform, name).status_code == 202
    settle(work)
    assert not MessageCount.objects.exists()
    assert not Suppression.objects.exists()
    platform.template.refresh_from_db()
    assert platform.template.held_since is None
    people = Recipient.objects.filter(openid__in=SANDBOX)
    assert set(people.values_list("state", flat=True)) == {RecipientState.SANDBOX}
    assert platform.received() == []


def test_caps_do_not_count_in_the_sandbox(tester, platform):
    platform.template.daily_cap, platform.template.dedup_seconds = 1, 600
    platform.template.save()
    answers = [send(tester, platform, "sandbox-delivered").status_code for _ in range(3)]
    assert answers == [202] * 3


def test_a_test_key_reaches_nobody_else(tester, platform):
    person = platform.recipient()
    for to in (person.openid, {"user": "sandbox-nobody"}, {"phone": "13800138000"}):
        answer = send(tester, platform, to)
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["code"] == "not_in_sandbox"
        assert "sandbox-delivered" in error["detail"]
    assert not Message.objects.exists()


def test_a_live_key_does_not_reach_the_sandbox(tester, api, platform):
    for to in ("sandbox-delivered", {"user": "sandbox-delivered"}):
        assert send(api, platform, to).status_code == 422  # before there are such rows
    send(tester, platform, "sandbox-delivered")
    for to in ("sandbox-delivered", {"user": "sandbox-delivered"}):
        answer = send(api, platform, to)
        assert answer.json()["errors"][0]["code"] == "recipient_sandbox"
        rows = [{"template": platform.template.code, "to": to, "data": builders.DATA}]
        many = api.post(f"{URL}/batch", {"messages": rows}, format="json")
        assert many.json()["results"][0]["errors"][0]["code"] == "recipient_sandbox"
    assert Message.objects.count() == 1


def test_the_same_checks_as_for_people(tester, platform):
    answer = send(tester, platform, "sandbox-delivered", data={})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/data/")


def test_batches_streams_and_dry_runs_reach_the_sandbox(tester, platform, work):
    row = {"template": platform.template.code, "data": builders.DATA}
    good, bad = row | {"to": {"user": "sandbox-delivered"}}, row | {"to": "oSomebody"}
    many = tester.post(f"{URL}/batch", {"messages": [good, bad]}, format="json").json()
    assert [one["status"] for one in many["results"]] == ["queued", "rejected"]
    assert many["results"][1]["errors"][0]["code"] == "not_in_sandbox"
    lines = b"\n".join(json.dumps(one).encode() for one in (good, bad))
    answer = tester.generic("POST", f"{URL}/stream", lines, content_type="application/x-ndjson")
    statuses = [
        json.loads(line)["status"] for line in b"".join(answer.streaming_content).splitlines()
    ]
    assert statuses == ["queued", "rejected"]
    dry = send(tester, platform, "sandbox-blocked", dry_run=True)
    assert (dry.status_code, dry.json()["to"]) == (200, {"openid": "sandbox-blocked"})
    settle(work)
    assert set(Message.objects.values_list("state", "is_test")) == {("delivered", True)}


def test_a_test_key_sees_no_live_message(tester, api, platform):
    live = send(api, platform, platform.recipient().openid).json()["id"]
    test = send(tester, platform, "sandbox-delivered").json()["id"]
    assert tester.get(f"{URL}/{live}").status_code == 404
    assert tester.post(f"{URL}/{live}/cancel").status_code == 404
    assert tester.get(f"{URL}/{test}").status_code == 200


def test_what_happens_in_the_sandbox_is_told(tester, api, platform, work):
    """Marked as a test; an operator's own test is nobody's news."""
    send(tester, platform, "sandbox-refuses")
    builders.make_message(
        platform.template, platform.recipient(), origin=Origin(requested_by="wang", is_test=True)
    )
    settle(work)
    while relay():
        pass
    for caller in (tester, api):
        (event,) = caller.get("/api/v1/events").json()["data"]
        assert (event["type"], event["data"]["test"]) == ("message.failed", True)


def test_an_idempotency_key_of_the_sandbox_is_none_of_live_messages(tester, api, platform):
    headers = {"Idempotency-Key": "order-1"}
    body = {"template": platform.template.code, "to": "sandbox-delivered", "data": builders.DATA}
    first = tester.post(URL, body, format="json", headers=headers)
    again = tester.post(URL, body, format="json", headers=headers)
    assert (first.json(), again["Idempotent-Replayed"]) == (again.json(), "true")
    body["to"] = platform.recipient().openid
    live = api.post(URL, body, format="json", headers=headers)
    assert live.status_code == 202
    assert live.json()["id"] != first.json()["id"]


def test_a_probe_is_not_wasted_on_the_sandbox(tester, api, platform, work):
    """The breaker is open: the one message that may ask WeChat is a real one."""
    send(tester, platform, "sandbox-delivered")
    send(api, platform, platform.recipient().openid)
    lane = Lane(platform.account.pk, Priority.NORMAL)
    (row,) = claim(lane, 1, timezone.now(), is_probe=True).rows
    assert row.openid not in SANDBOX
