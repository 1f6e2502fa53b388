"""Webhook endpoints and the log of deliveries: the secret is shown once, failures are said in
words, and what was missed is sent again."""

import html as entities
import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from notifier.audit.record import record
from notifier.models import (
    ApiClient,
    AuditEntry,
    Message,
    Outcome,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifier.webhooks.relay import ping
from tests import builders
from tests.admin.browsing import address, confirm, faults, html, submit, text
from tests.admin.conftest import StaffMaker

ENDPOINT, DELIVERY = "notifier_webhookendpoint", "notifier_webhookdelivery"
FAILED = {"at": "2026-11-26T10:00:00.000+00:00", "ms": 12, "status": 503, "problem": "refused"}
FAILED |= {"answer": "maintenance"}


@pytest.fixture
def shop(db: None) -> ApiClient:
    return builders.make_client(name="shop")


@pytest.fixture
def endpoint(shop: ApiClient) -> WebhookEndpoint:
    return builders.make_endpoint(shop)


@pytest.fixture
def message(db: None) -> Message:
    return builders.make_message()


def secret_on(page: HttpResponse) -> str:
    (secret,) = re.findall(r"<code>(whsec_[^<]+)</code>", html(page))
    return entities.unescape(secret)


def listed(client: Client, **query: Any) -> str:
    return text(client.get(address(DELIVERY, "changelist"), query))


def test_an_endpoint_is_added_and_its_secret_shown_once(root: Client, shop: ApiClient) -> None:
    page = submit(
        root,
        address(ENDPOINT, "add"),
        "webhookendpoint_form",
        client=shop.pk,
        url="https://shop.example.com/hooks",
        types=["message.failed", "message.delivered"],
    )
    endpoint = WebhookEndpoint.objects.get()
    assert secret_on(page) == endpoint.secret
    assert endpoint.types == ["message.failed", "message.delivered"]
    for view in ("change", "history"):
        assert endpoint.secret not in html(root.get(address(ENDPOINT, view, endpoint.pk)))
    assert endpoint.secret not in str(list(AuditEntry.objects.values()))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://user:password@shop.example.com/", "the signature proves who calls"),
        ("https://169.254.169.254/", "leads into a private network"),
        ("ftp://shop.example.com/", "It begins with https://"),
    ],
)
def test_an_address_that_cannot_be_is_refused_in_words(
    root: Client, shop: ApiClient, url: str, words: str
) -> None:
    page = submit(root, address(ENDPOINT, "add"), "webhookendpoint_form", client=shop.pk, url=url)
    assert words in faults(page)["url"]
    assert not WebhookEndpoint.objects.exists()


def test_a_new_secret_is_shown_once_and_the_old_signs_along(
    root: Client, endpoint: WebhookEndpoint
) -> None:
    old = endpoint.secret
    page = confirm(root, address(ENDPOINT, "new_secret", endpoint.pk))
    endpoint.refresh_from_db()
    assert endpoint.secrets_at(timezone.now()) == [secret_on(page), old]
    again = text(root.get(address(ENDPOINT, "change", endpoint.pk)))
    assert "The previous secret signs along until" in again
    assert endpoint.secret not in again


def test_it_is_switched_off_and_on_with_a_new_start(
    root: Client, endpoint: WebhookEndpoint
) -> None:
    where = address(ENDPOINT, "change", endpoint.pk)
    values = {"url": endpoint.url, "description": "orders"}
    root.post(where, values)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.description) == (False, "orders")
    since = timezone.now() - timedelta(days=3)
    WebhookEndpoint.objects.update(off_because="failing", failures=99, failing_since=since)
    assert "It failed for three days." in text(root.get(where))
    root.post(where, values | {"is_active": "on"})
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.off_because, endpoint.failures) == (True, "", 0)


def test_how_it_fails_is_said(root: Client, endpoint: WebhookEndpoint, message: Message) -> None:
    since = timezone.now() - timedelta(hours=2)
    later = timezone.now() + timedelta(minutes=5)
    WebhookEndpoint.objects.update(failures=7, failing_since=since, paused_until=later)
    builders.make_delivery(endpoint, message, tries=1, log=[FAILED])
    page = text(root.get(address(ENDPOINT, "change", endpoint.pk)))
    assert "It has failed 7 times in a row" in page
    assert "HTTP 503: It answers with an error." in page
    assert "Events that wait: 1" in page


def test_a_test_event_leads_to_its_delivery(root: Client, endpoint: WebhookEndpoint) -> None:
    page = text(confirm(root, address(ENDPOINT, "send_ping", endpoint.pk)))
    assert "It is posted within seconds." in page
    assert WebhookDelivery.objects.get().event.type == "ping"


def test_what_it_missed_is_sent_again(
    root: Client, endpoint: WebhookEndpoint, message: Message
) -> None:
    told = builders.make_delivery(endpoint, message, outcome=Outcome.DELIVERED, due_at=None)
    given_up = builders.make_delivery(endpoint, message, outcome=Outcome.FAILED, due_at=None)
    now = timezone.localtime()
    values = {
        "_form_submitted": "True",
        "since": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        "until": (now + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
        "which": "missed",
        "type": "",
    }
    where = address(ENDPOINT, "send_again", endpoint.pk)
    wrong = root.post(where, values | {"until": values["since"]})
    assert "The end lies before the beginning." in text(wrong)
    answer = root.post(where, values)
    assert "Events that are sent again: 1." in text(root.get(answer.headers["HX-Redirect"]))
    told.refresh_from_db()
    given_up.refresh_from_db()
    assert (told.due_at, given_up.outcome) == (None, Outcome.WAITING)
    assert AuditEntry.objects.latest("id").action == "replay"


def test_a_delivery_says_what_was_answered(
    root: Client, endpoint: WebhookEndpoint, message: Message
) -> None:
    row = builders.make_delivery(
        endpoint, message, outcome=Outcome.FAILED, due_at=None, tries=1, log=[FAILED]
    )
    page = text(root.get(address(DELIVERY, "change", row.pk)))
    for words in ("HTTP 503: It answers with an error.", "12 ms", "maintenance", "given up"):
        assert words in page
    again = text(confirm(root, address(DELIVERY, "send_again", row.pk)))
    assert "It is sent again." in again
    assert "It waits for an attempt anyhow." in text(
        confirm(root, address(DELIVERY, "send_again", row.pk))
    )
    assert WebhookDelivery.objects.get().tries == 0


def test_chosen_ones_are_sent_again(
    root: Client, endpoint: WebhookEndpoint, message: Message
) -> None:
    rows = [builders.make_delivery(endpoint, message, due_at=None) for _ in range(3)]
    chosen = {"action": "replay_chosen", "_selected_action": [row.pk for row in rows[:2]]}
    page = text(root.post(address(DELIVERY, "changelist"), chosen, follow=True))
    assert "Events that are sent again: 2." in page
    assert WebhookDelivery.objects.exclude(due_at=None).count() == 2


def test_the_log_is_searched_and_filtered(
    root: Client, endpoint: WebhookEndpoint, message: Message
) -> None:
    other = builders.make_endpoint(builders.make_client(name="warehouse"))
    first = builders.make_delivery(endpoint, message, outcome=Outcome.FAILED, due_at=None)
    ping(other)
    only_shop, only_other = ("shop · 127", "warehouse · 127")

    def shows(**query: Any) -> tuple[bool, bool]:
        rows = html(root.get(address(DELIVERY, "changelist"), query))
        rows = re.sub(r"<select.*?</select>", "", rows, flags=re.DOTALL)
        return only_shop in rows, only_other in rows

    assert shows() == (True, True)
    assert shows(q=first.event.public_id) == (True, False)
    assert shows(q=message.pk.hex) == (True, False)
    for nothing in ("evt_" + "f" * 32, "evt_x", "nobody"):
        assert shows(q=nothing) == (False, False)
    assert shows(endpoint=other.pk.hex) == (False, True)
    assert shows(endpoint="x") == (False, False)
    assert shows(type="ping") == (False, True)
    assert shows(outcome__exact="failed") == (True, False)
    past = {"finished_at_to_0": "2020-01-01", "finished_at_to_1": "00:00"}
    assert shows(**past) == (False, False)
    recent = {"finished_at_from_0": "2020-01-01", "finished_at_from_1": "00:00"}
    assert shows(**recent) == (True, True)


def test_a_message_shows_what_its_service_was_told(
    root: Client, staff: StaffMaker, endpoint: WebhookEndpoint, message: Message
) -> None:
    row = builders.make_delivery(endpoint, message, outcome=Outcome.DELIVERED, due_at=None)
    where = address("notifier_message", "change", message.pk)
    assert address(DELIVERY, "change", row.pk) in html(root.get(where))
    assert address(DELIVERY, "change", row.pk) not in html(
        staff("notifier.view_message").get(where)
    )


def test_the_menu_says_how_many_need_somebody(root: Client, endpoint: WebhookEndpoint) -> None:
    assert "Webhook endpoints 1" not in text(root.get("/admin/"))
    WebhookEndpoint.objects.update(failures=5, failing_since=timezone.now())
    assert "Webhook endpoints 1" in text(root.get("/admin/"))


def test_what_the_machine_switched_off_stands_in_the_trail(
    root: Client, endpoint: WebhookEndpoint
) -> None:
    record("change", object_type="notifier.webhookendpoint", object_id=endpoint.pk)
    page = text(root.get("/admin/notifier/auditentry/?object_type=notifier.webhookendpoint"))
    assert "Webhook endpoint" in page
