"""What a caller is told while the database is away, and why a message waits."""

import pytest
from django.db import OperationalError
from django.utils import timezone

from notifier.dispatch import gate
from notifier.intake import accept
from notifier.models import Message
from tests.api.conftest import URL


def test_a_database_that_is_away_is_told_with_when_to_come_again(post, body, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OperationalError("connection to server failed: password=secret")

    monkeypatch.setattr(accept, "store", fail)
    answer = post(body, Idempotency_Key="k")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["type"] == "urn:hongyan:problem:unavailable"
    assert "secret" not in answer.content.decode()
    monkeypatch.undo()
    assert post(body, Idempotency_Key="k").status_code == 202


def test_a_message_tells_why_its_account_cannot_send(post, body, api):
    made = post(body).json()["id"]
    account = Message.objects.get().account_id
    report = gate.Report(cause="errcode 48001: api unauthorized")
    gate.tell(account, report, gate.Limits(0, 0, 0), timezone.now())
    told = api.get(f"{URL}/{made}").json()
    assert (told["status"], told["reason"]) == ("queued", "account")
    assert told["waiting"]["detail"] == "errcode 48001: api unauthorized"
    assert told["waiting"]["since"] is not None


@pytest.mark.usefixtures("dead_redis")
def test_without_redis_a_message_is_still_told(post, body, api):
    made = post(body).json()["id"]
    assert api.get(f"{URL}/{made}").json()["waiting"] is None
