"""The other way to a person, when WeChat's is closed."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

from django.core import mail
from django.utils import timezone

from notifier.dispatch import clock, gate, sweep
from notifier.fallback import process as fallback
from notifier.intake.accept import Origin
from notifier.models import FallbackSend, Reason, State
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


def test_without_a_fallback_nothing_goes_another_way(platform, work):
    builders.make_message(
        platform.template, platform.recipient(magic("unfollowed"), email="li@example.com")
    )
    work()
    assert not FallbackSend.objects.exists()


SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def test_a_service_is_told_with_a_signature_that_it_can_check(platform, received_posts):
    with_fallback(platform, fallback=Fallback.WEBHOOK)
    client = builders.make_client(webhook_url=received_posts.url, webhook_secret=SECRET)
    message = platform.message(origin=Origin(client=client))
    builders.set_message(message, expires_at=timezone.now())
    received_posts.answers = [500, 200]
    sweep.tick(timezone.now())
    fallback.process_fallbacks()
    FallbackSend.objects.update(due_at=timezone.now())
    fallback.process_fallbacks()
    first, second = received_posts.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    signed = f"{second.headers['webhook-id']}.{second.headers['webhook-timestamp']}.".encode()
    digest = hmac.new(b"k" * 32, signed + second.body, hashlib.sha256).digest()
    assert second.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    told = json.loads(second.body)["data"]
    assert (told["id"], told["status"], told["cause"]) == (message.id.hex, "expired", "expiry")
    assert FallbackSend.objects.get().attempts == 2


def test_a_way_that_stays_closed_is_given_up(platform, received_posts):
    with_fallback(platform, fallback=Fallback.WEBHOOK)
    client = builders.make_client(webhook_url=received_posts.url, webhook_secret=SECRET)
    message = platform.message(origin=Origin(client=client))
    builders.set_message(message, expires_at=timezone.now())
    received_posts.answers = [503] * 20
    sweep.tick(timezone.now())
    for _ in range(12):
        fallback.process_fallbacks()
        FallbackSend.objects.exclude(due_at=None).update(due_at=timezone.now())
    row = FallbackSend.objects.get()
    assert (row.attempts, row.due_at, row.sent_at) == (fallback.ATTEMPTS, None, None)
