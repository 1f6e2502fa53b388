"""From a fault at WeChat to a word in the admin, an e-mail and a webhook: on real parts."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from notifier.anomalies.mail import send_mails
from notifier.models import Anomaly, MeasuredWindow, Silence
from notifier.webhooks.relay import relay
from tests import builders
from tests.anomalies.measuring import row
from tests.anomalies.simulated import Shop
from tests.conftest import Platform
from tests.webhooks.conftest import carry
from tests.webhooks.receiver import receiving

WIDTH = timedelta(seconds=4)
MANY = 60
SLOW = 800
# A message or two can be settled in the window after the one they were sent in.
WORDS = re.compile(r"failures \d\d % of \d+ attempts, usual at this time of the week 0 %")


@pytest.fixture
def shop(settings: Any, simulator: Any, live_server: LiveServer, work: Any) -> Shop:
    settings.ANOMALY_WINDOW_SECONDS = WIDTH.total_seconds()
    settings.ANOMALY_EMAILS, settings.HAS_MAIL_SERVER = ["night@example.com"], True
    platform = Platform(simulator, live_server.url, "plain")
    return Shop(platform, work, WIDTH)


def remember(shop: Shop) -> None:
    """Eight weeks at this time, as such windows are on a busy machine."""
    seconds = WIDTH.total_seconds()
    now = datetime.fromtimestamp(datetime.now(UTC).timestamp() // seconds * seconds, UTC)
    usual = {"tried": MANY, "timed": MANY, "sent": MANY, "p95_ms": 150, "lag_ms": 300}
    MeasuredWindow.objects.bulk_create(
        row(
            now - timedelta(weeks=week) + n * WIDTH,
            account_id=shop.platform.account.pk,
            template_id=template,
            **usual,
        )
        for week in range(1, 9)
        for n in range(-5, 60)
        for template in (0, shop.platform.template.pk)
    )


def told() -> list[str]:
    send_mails()
    return [one.body for one in mail.outbox]


def until(is_so: Callable[[], bool], shop: Shop, **fault: Any) -> None:
    """Window by window. Where others keep the machine busy, some are late."""
    for _ in range(20):
        shop.window(MANY, **fault)
        if is_so():
            return
    raise AssertionError([str(one) for one in Anomaly.objects.all()])


def test_a_fault_is_found_told_and_over(shop: Shop, service: Any) -> None:
    remember(shop)
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    silence = {"account": shop.platform.account, "measure": "latency", "reason": "x"}
    Silence.objects.create(until=datetime.now(UTC) + timedelta(hours=1), **silence)
    shown = Anomaly.objects.exclude(state="pending")

    def names() -> list[str]:
        return list(shown.values_list("measure", flat=True))

    with receiving() as receiver:
        builders.make_endpoint(service, url=receiver.url, types=["anomaly.raised", "anomaly.ended"])
        shop.window(MANY)
        began = shop.window(MANY, failing=20, latency_ms=SLOW)
        assert told() == []
        until(lambda: set(names()) == {"failure", "latency"}, shop, failing=20, latency_ms=SLOW)
        by_measure = {one.measure: one for one in shown.all()}
        failure, latency = by_measure["failure"], by_measure["latency"]
        assert failure.state == "open"
        assert failure.begun_at >= began
        assert failure.facts["errcodes"].keys() == {"47003"}
        assert latency.is_silenced
        assert not failure.is_silenced
        (only,) = told()
        assert WORDS.search(only)
        page = root.get(reverse("admin:notifier_anomaly_changelist")).content.decode()
        assert WORDS.search(page)
        assert "open, silenced" in page
        until(lambda: {one.state for one in shown.all()} == {"ended"}, shop)
        assert len(told()) == 2
        relay()
        carry()
        posted = [json.loads(one.body) for one in receiver.requests]
    assert [one["type"] for one in posted] == ["anomaly.raised", "anomaly.ended"]
    assert {one["data"]["measure"] for one in posted} == {"failure"}
    assert posted[0]["data"]["templates"] == [shop.platform.template.code]
