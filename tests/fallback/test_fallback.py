"""The other way to a person, when WeChat's is closed."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from notifier.dispatch import clock, gate, repair, sweep
from notifier.fallback import process as fallback
from notifier.fallback import ways
from notifier.intake.accept import Origin
from notifier.models import FallbackSend, Message, Reason, State, WebhookDelivery
from notifier.webhooks.payload import body_of
from notifier.webhooks.relay import relay
from templates_app.models import Fallback, MessageTemplate
from tests import builders
from tests.builders import magic


def with_fallback(platform, **values):
    MessageTemplate.objects.filter(pk=platform.template.pk).update(**values)


def test_a_refused_message_goes_by_mail(platform, work):
    with_fallback(platform, fallback=Fallback.EMAIL)
    recipient = platform.recipient(magic("unfollowed"), email="li@example.com")
    builders.make_message(platform.template, recipient)
    work()
    fallback.process_fallbacks()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["li@example.com"], "订单通知")
    assert "商品: 云南白茶" in sent.body
    assert FallbackSend.objects.get().sent_at is not None


def test_an_expired_message_goes_by_mail_once(platform):
    with_fallback(platform, fallback=Fallback.EMAIL)
    recipient = platform.recipient(email="li@example.com")
    message = builders.make_message(platform.template, recipient)
    builders.set_message(message, expires_at=timezone.now())
    for _ in range(3):
        sweep.tick(timezone.now())
        fallback.process_fallbacks()
    assert len(mail.outbox) == 1


def test_a_person_without_an_address_is_told_of(platform):
    with_fallback(platform, fallback=Fallback.EMAIL)
    message = platform.message()
    builders.set_message(message, expires_at=timezone.now())
    sweep.tick(timezone.now())
    fallback.process_fallbacks()
    row = FallbackSend.objects.get()
    assert (row.due_at, row.detail) == (None, "the recipient has no e-mail address")


def test_after_an_outage_messages_go_another_way_and_not_by_wechat(platform, work):
    with_fallback(platform, fallback=Fallback.EMAIL, fallback_on_outage=5)
    long_ago = timezone.now() - timedelta(minutes=6)
    gate.tell(
        platform.account.pk,
        gate.Report(cause="errcode 50002: user limited"),
        gate.Limits(0, 0, 0),
        long_ago,
    )
    message = builders.make_message(platform.template, platform.recipient(email="li@example.com"))
    clock.tick(timezone.now())
    fallback.process_fallbacks()
    work()
    message.refresh_from_db()
    assert (message.state, message.reason) == (State.CANCELLED, Reason.FALLBACK)
    assert (len(mail.outbox), platform.received()) == (1, [])


def test_in_an_outage_whom_the_other_way_cannot_reach_waits_for_wechat(platform):
    with_fallback(platform, fallback=Fallback.EMAIL, fallback_on_outage=5)
    long_ago = timezone.now() - timedelta(minutes=6)
    cause = gate.Report(cause="errcode 50002: user limited")
    gate.tell(platform.account.pk, cause, gate.Limits(0, 0, 0), long_ago)
    message = platform.message()
    clock.tick(timezone.now())
    message.refresh_from_db()
    assert (message.state, FallbackSend.objects.count()) == (State.QUEUED, 0)
    with_fallback(platform, fallback=Fallback.WEBHOOK)
    clock.tick(timezone.now())
    message.refresh_from_db()
    assert message.state == State.QUEUED


def test_a_message_whose_other_way_led_nowhere_may_be_tried_again(platform):
    with_fallback(platform, fallback=Fallback.EMAIL)
    message = platform.message()
    builders.set_message(message, expires_at=timezone.now())
    sweep.tick(timezone.now())
    fates = [repair.fate_of_retry(Message.objects.get(pk=message.pk))]
    fallback.process_fallbacks()
    fates.append(repair.fate_of_retry(Message.objects.get(pk=message.pk)))
    assert fates == [repair.Fate.ELSEWHERE, repair.Fate.GOES]


def test_what_is_tried_again_has_its_other_way_anew(platform):
    """The mail server was away until it was given up; then the operator mended it."""
    with_fallback(platform, fallback=Fallback.EMAIL)
    message = builders.make_message(platform.template, platform.recipient(email="li@example.com"))
    builders.set_message(message, expires_at=timezone.now())
    sweep.tick(timezone.now())
    FallbackSend.objects.update(due_at=None, attempts=8, detail="SMTPServerDisconnected")
    now = timezone.now()
    assert repair.retry([message.pk], "ann", now) == {repair.Fate.GOES: 1}
    builders.set_message(message, expires_at=now)
    sweep.tick(timezone.now())
    fallback.process_fallbacks()
    row = FallbackSend.objects.get()
    assert (len(mail.outbox), row.attempts, row.detail) == (1, 1, "")
    assert row.sent_at is not None


def test_without_a_fallback_nothing_goes_another_way(platform, work):
    builders.make_message(
        platform.template, platform.recipient(magic("unfollowed"), email="li@example.com")
    )
    work()
    assert not FallbackSend.objects.exists()


def test_the_service_that_asked_is_told_once(platform):
    with_fallback(platform, fallback=Fallback.WEBHOOK)
    client = builders.make_client()
    builders.make_endpoint(client, types=["message.fallback"])
    message = platform.message(origin=Origin(client=client), metadata={"order": 7})
    builders.set_message(message, expires_at=timezone.now())
    sweep.tick(timezone.now())
    for _ in range(3):
        fallback.process_fallbacks()
    relay()
    (delivery,) = WebhookDelivery.objects.select_related("event")
    told = body_of(delivery.event)
    assert told["type"] == "message.fallback"
    assert (told["data"]["id"], told["data"]["metadata"]) == (message.id.hex, {"order": 7})
    assert (told["data"]["status"], told["data"]["cause"]) == ("expired", "expiry")
    row = FallbackSend.objects.get()
    assert (row.attempts, row.due_at, row.sent_at is None) == (1, None, False)


NONE = "the calling service has no webhook"
NO_ACTIVE = "no active webhook of the calling service wants fallbacks"


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (None, NONE),
        ({"is_active": False}, NO_ACTIVE),
        ({"types": ["message.delivered"]}, NO_ACTIVE),
    ],
)
def test_a_service_that_cannot_be_told_is_said_in_words(platform, endpoint, words):
    with_fallback(platform, fallback=Fallback.WEBHOOK)
    client = builders.make_client()
    if endpoint is not None:
        builders.make_endpoint(client, **endpoint)
    message = platform.message(origin=Origin(client=client))
    builders.set_message(message, expires_at=timezone.now())
    sweep.tick(timezone.now())
    fallback.process_fallbacks()
    row = FallbackSend.objects.get()
    assert (row.due_at, row.sent_at, row.detail) == (None, None, words)


def test_a_message_that_no_service_asked_for_has_nobody_to_tell(platform):
    with_fallback(platform, fallback=Fallback.WEBHOOK)
    message = platform.message()
    builders.set_message(message, expires_at=timezone.now())
    sweep.tick(timezone.now())
    fallback.process_fallbacks()
    assert FallbackSend.objects.get().detail == NONE


class Closed:
    def send(self) -> None:
        raise OSError


def test_a_way_that_stays_closed_is_given_up(platform, monkeypatch):
    monkeypatch.setattr(ways, "EmailMessage", lambda **_values: Closed())
    with_fallback(platform, fallback=Fallback.EMAIL)
    message = builders.make_message(platform.template, platform.recipient(email="li@example.com"))
    builders.set_message(message, expires_at=timezone.now())
    sweep.tick(timezone.now())
    for _ in range(12):
        fallback.process_fallbacks()
        FallbackSend.objects.exclude(due_at=None).update(due_at=timezone.now())
    row = FallbackSend.objects.get()
    assert (row.attempts, row.due_at, row.sent_at) == (fallback.ATTEMPTS, None, None)
