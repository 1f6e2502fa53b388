"""From a fault at WeChat to a word in the admin, an e-mail and a webhook: on real parts."""

import json
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


@pytest.fixture
def shop(settings: Any, simulator: Any, live_server: LiveServer, work: Any) -> Shop:
    settings.ANOMALY_WINDOW_SECONDS = WIDTH.total_seconds()
    settings.ANOMALY_EMAILS, settings.HAS_MAIL_SERVER = ["night@example.com"], True
    platform = Platform(simulator, live_server.url, "plain")
    return Shop(platform, work, WIDTH)


def remember(shop: Shop) -> None:
    """Eight weeks at this time, as such windows are with the simulator."""
    seconds = WIDTH.total_seconds()
    now = datetime.fromtimestamp(datetime.now(UTC).timestamp() // seconds * seconds, UTC)
    usual = {"tried": MANY, "timed": MANY, "sent": MANY, "p95_ms": 40, "lag_ms": 300}
    MeasuredWindow.objects.bulk_create(
        row(
            now - timedelta(weeks=week) + n * WIDTH,
            account_id=shop.platform.account.pk,
            template_id=template,
            **usual,
        )
        for week in range(1, 9)
        for n in range(-5, 30)
        for template in (0, shop.platform.template.pk)
    )


def told() -> list[str]:
    send_mails()
    return [one.body for one in mail.outbox]


def test_a_fault_is_found_told_and_over(shop: Shop, service: Any) -> None:
    remember(shop)
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    silence = {"account": shop.platform.account, "measure": "latency", "reason": "x"}
    Silence.objects.create(until=datetime.now(UTC) + timedelta(hours=1), **silence)
    shown = Anomaly.objects.exclude(state="pending")
    with receiving() as receiver:
        builders.make_endpoint(service, url=receiver.url, types=["anomaly.raised", "anomaly.ended"])
        shop.window(MANY)
        began = shop.window(MANY, failing=20, latency_ms=700)
        assert told() == []
        shop.window(MANY, failing=20, latency_ms=700)
        shop.window(MANY)
        by_measure = {one.measure: one for one in shown}
        assert by_measure.keys() == {"failure", "latency"}
        failure, latency = by_measure["failure"], by_measure["latency"]
        assert (failure.state, failure.begun_at) == ("open", began)
        assert failure.facts["errcodes"] == {"47003": 20}
        assert latency.is_silenced
        assert not failure.is_silenced
        (only,) = told()
        assert "failures 33 % of 60 attempts, usual at this time of the week 0 %" in only
        page = root.get(reverse("admin:notifier_anomaly_changelist")).content.decode()
        assert "failures 33 % of 60 attempts" in page
        assert "open, silenced" in page
        shop.window(MANY)
        shop.look()
        assert {one.state for one in shown.all()} == {"ended"}
        assert len(told()) == 2
        relay()
        carry()
        posted = [json.loads(one.body) for one in receiver.requests]
    assert [one["type"] for one in posted] == ["anomaly.raised", "anomaly.ended"]
    assert {one["data"]["measure"] for one in posted} == {"failure"}
    assert posted[0]["data"]["templates"] == [shop.platform.template.code]
