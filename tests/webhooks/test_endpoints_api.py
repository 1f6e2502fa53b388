"""A service keeps its endpoints by the API itself."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from standardwebhooks.webhooks import Webhook

from notifier.intake.accept import Origin
from notifier.models import (
    ApiKey,
    AuditEntry,
    Message,
    Outcome,
    Scope,
    WebhookDelivery,
    WebhookEndpoint,
)
from tests import builders
from tests.webhooks.conftest import carry, end, relay_all

ENDPOINTS = "/api/v1/webhook-endpoints"


def made(api, url, **values):
    answer = api.post(ENDPOINTS, {"url": url} | values, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_from_a_new_endpoint_to_a_verified_event(api, ask, receiver):
    endpoint = made(api, receiver.url, types=["message.cancelled"], description="orders")
    assert endpoint["types"] == ["message.cancelled"]
    end(ask())
    relay_all()
    carry()
    (posted,) = receiver.requests
    assert Webhook(endpoint["secret"]).verify(posted.body, posted.headers)


def test_the_secret_is_shown_once(api, receiver):
    endpoint = made(api, receiver.url)
    one = api.get(f"{ENDPOINTS}/{endpoint['id']}").json()
    assert "secret" not in one
    assert api.get(ENDPOINTS).json()["data"] == [one]
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.action) == ("client", "add")
    assert endpoint["secret"] not in entry.after


def test_a_rotated_secret_and_the_one_before_sign(api, ask, receiver):
    endpoint = made(api, receiver.url)
    rotated = api.post(f"{ENDPOINTS}/{endpoint['id']}/rotate-secret").json()
    assert rotated["previous_secret_until"] > timezone.now().isoformat()
    end(ask())
    relay_all()
    carry()
    (posted,) = receiver.requests
    for secret in (endpoint["secret"], rotated["secret"]):
        assert Webhook(secret).verify(posted.body, posted.headers)


def test_a_ping_and_its_delivery(api, receiver):
    endpoint = made(api, receiver.url)
    answer = api.post(f"{ENDPOINTS}/{endpoint['id']}/ping")
    assert answer.status_code == 202
    carry()
    delivery = api.get(f"/api/v1/webhook-deliveries/{answer.json()['id']}").json()
    assert (delivery["type"], delivery["outcome"]) == ("ping", "delivered")
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["problem"]) == (204, None)


def test_what_is_changed_and_what_stays(api, receiver):
    endpoint = made(api, receiver.url, description="orders")
    page = f"{ENDPOINTS}/{endpoint['id']}"
    changed = api.patch(page, {"types": ["message.sent"]}, format="json").json()
    assert (changed["types"], changed["description"]) == (["message.sent"], "orders")
    off = api.patch(page, {"active": False}, format="json").json()
    assert (off["active"], off["types"]) == (False, ["message.sent"])
    assert api.get(page).json() == off


def test_switched_on_again_it_has_a_new_start(api, service):
    endpoint = builders.make_endpoint(
        service, is_active=False, off_because="failing", failures=99, failing_since=timezone.now()
    )
    on = api.patch(f"{ENDPOINTS}/{endpoint.pk.hex}", {"active": True}, format="json").json()
    assert (on["active"], on["off_because"], on["failures_in_a_row"]) == (True, None, 0)


def test_a_change_does_not_bring_back_an_old_secret(api, service, monkeypatch):
    """Somebody rotates it while the change is on its way."""
    endpoint = builders.make_endpoint(service)
    page = f"{ENDPOINTS}/{endpoint.pk.hex}"
    rotated = []
    monkeypatch.setattr(
        "notifier.api.webhooks._check_url",
        lambda _url: rotated.append(api.post(f"{page}/rotate-secret").json()["secret"]),
    )
    api.patch(page, {"url": "https://shop.example.com/new"}, format="json")
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.secret) == ("https://shop.example.com/new", rotated[0])


def test_deleted_it_hears_no_more(api, ask, receiver):
    endpoint = made(api, receiver.url)
    end(ask())
    relay_all()
    assert api.delete(f"{ENDPOINTS}/{endpoint['id']}").status_code == 204
    assert api.get(f"{ENDPOINTS}/{endpoint['id']}").status_code == 404
    assert not WebhookDelivery.objects.exists()
    assert len(api.get("/api/v1/events").json()["data"]) == 1


def test_deliveries_are_listed_newest_first_and_replayed(api, ask, receiver):
    endpoint = made(api, receiver.url)
    receiver.usual = 500
    messages = [end(ask()).pk.hex for _ in range(5)]
    relay_all()
    WebhookDelivery.objects.update(outcome=Outcome.FAILED, due_at=None)
    where = f"{ENDPOINTS}/{endpoint['id']}/deliveries"
    first = api.get(where, {"limit": 3, "outcome": "failed"}).json()
    rest = api.get(where, {"limit": 3, "outcome": "failed", "after": first["next"]}).json()
    listed = [one["message_id"] for one in first["data"] + rest["data"]]
    assert listed == messages[::-1]
    assert (rest["has_more"], rest["next"]) == (False, None)
    assert api.get(where, {"type": "message.sent"}).json()["data"] == []
    one = first["data"][0]["id"]
    assert api.post(f"/api/v1/webhook-deliveries/{one}/replay").json()["outcome"] == "waiting"
    begun = {"since": (timezone.now() - timedelta(hours=1)).isoformat()}
    again = api.post(f"{ENDPOINTS}/{endpoint['id']}/replay", begun, format="json")
    assert (again.status_code, again.json()) == (202, {"replayed": 4, "next_since": None})
    receiver.usual = 200
    carry()
    assert len(set(receiver.ids)) == 5


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "nonsense"}, "/url"),
        ({"url": "https://user:password@example.com/"}, "/url"),
        ({"url": "https://169.254.169.254/"}, "/url"),
        ({"url": "https://example.com/\0"}, "/url"),
        ({"url": "https://example.com/", "types": ["message.gone"]}, "/types/0"),
        ({"url": "https://example.com/", "secret": "whsec_x"}, "/secret"),
        ({"url": f"https://example.com/{'x' * 500}"}, "/url"),
    ],
)
def test_what_is_wrong_is_named(api, body, pointer):
    answer = api.post(ENDPOINTS, body, format="json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not WebhookEndpoint.objects.exists()


@pytest.mark.parametrize("since", ["2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z"])
def test_a_range_that_holds_nothing_is_refused(api, service, since):
    endpoint = builders.make_endpoint(service)
    where = f"{ENDPOINTS}/{endpoint.pk.hex}/replay"
    assert api.post(where, {"since": since}, format="json").status_code == 422


def test_there_is_a_bound_to_their_number(api, service):
    for _ in range(20):
        builders.make_endpoint(service)
    answer = api.post(ENDPOINTS, {"url": "https://example.com/"}, format="json")
    assert answer.status_code == 409


def test_another_clients_are_not_found(api, ask, service):
    other = builders.make_endpoint(builders.make_client())
    page = f"{ENDPOINTS}/{other.pk.hex}"
    own = builders.make_endpoint(service)
    end(ask())
    relay_all()
    delivery = WebhookDelivery.objects.get(endpoint=own)
    WebhookDelivery.objects.update(endpoint=other)
    asked = [
        api.get(page),
        api.patch(page, {"active": False}, format="json"),
        api.delete(page),
        api.get(f"{page}/deliveries"),
        *(api.post(f"{page}/{one}") for one in ("rotate-secret", "ping")),
        api.post(f"{page}/replay", {"since": timezone.now().isoformat()}, format="json"),
        api.get(f"/api/v1/webhook-deliveries/{delivery.pk}"),
        api.post(f"/api/v1/webhook-deliveries/{delivery.pk}/replay"),
        api.get(f"/api/v1/webhook-deliveries/{'9' * 18}"),
    ]
    assert [answer.status_code for answer in asked] == [404] * len(asked)
    assert api.get(ENDPOINTS).json()["data"][0]["id"] == own.pk.hex


def caller(service, **rights):
    key = service.make_key(scopes=Scope.values, **rights)
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", raise_request_exception=False)


def told(endpoint):
    """Of which messages, in the order of the events."""
    rows = WebhookDelivery.objects.filter(endpoint=endpoint["id"]).order_by("event")
    return list(rows.values_list("event__message", flat=True))


def test_what_a_test_key_adds_is_told_of_the_sandbox_alone(api, ask, service, receiver):
    tester = caller(service, is_test=True)
    endpoint = made(tester, receiver.url)
    assert endpoint["test"] is True
    assert made(api, receiver.url)["test"] is False
    real, test = ask(), ask()
    Message.objects.filter(pk=test.pk).update(is_test=True)
    for message in (real, test):
        end(message)
    relay_all()
    assert told(endpoint) == [test.pk]
    begun = {"since": (timezone.now() - timedelta(hours=1)).isoformat(), "which": "all"}
    tester.post(f"{ENDPOINTS}/{endpoint['id']}/replay", begun, format="json")
    assert told(endpoint) == [test.pk]


@pytest.mark.parametrize("limit", ["accounts", "templates"])
def test_what_a_limited_key_adds_is_told_of_no_more_than_it_may_read(
    ask, template, service, receiver, limit
):
    other = builders.make_template()
    row = {"accounts": other.account, "templates": other}[limit]
    limited = caller(service)
    getattr(ApiKey.objects.get(), limit).set([row])
    endpoint = made(limited, receiver.url)
    end(ask())
    seen = end(builders.make_message(other, origin=Origin(client=service)))
    relay_all()
    assert told(endpoint) == [seen.pk]
    begun = {"since": (timezone.now() - timedelta(hours=1)).isoformat(), "which": "all"}
    limited.post(f"{ENDPOINTS}/{endpoint['id']}/replay", begun, format="json")
    assert told(endpoint) == [seen.pk]


@pytest.mark.parametrize("rights", [{"is_test": True}, {"accounts": True}, {"templates": True}])
def test_a_key_touches_no_endpoint_that_is_told_of_more(api, ask, template, service, rights):
    """Whoever could change its address or its secret would read what the key may not."""
    endpoint = builders.make_endpoint(service)
    page = f"{ENDPOINTS}/{endpoint.pk.hex}"
    end(ask())
    relay_all()
    (delivery,) = WebhookDelivery.objects.all()
    client = caller(service, is_test=rights.get("is_test", False))
    key = ApiKey.objects.latest("pk")
    if "accounts" in rights:
        key.accounts.set([template.account])
    if "templates" in rights:
        key.templates.set([template])
    asked = [
        client.get(page),
        client.patch(page, {"url": "https://example.com/"}, format="json"),
        client.delete(page),
        client.get(f"{page}/deliveries"),
        *(client.post(f"{page}/{one}") for one in ("rotate-secret", "ping")),
        client.post(f"{page}/replay", {"since": timezone.now().isoformat()}, format="json"),
        client.get(f"/api/v1/webhook-deliveries/{delivery.pk}"),
        client.post(f"/api/v1/webhook-deliveries/{delivery.pk}/replay"),
    ]
    assert [answer.status_code for answer in asked] == [404] * len(asked)
    assert client.get(ENDPOINTS).json()["data"] == []
    own = made(client, "https://example.com/")
    assert [one["id"] for one in client.get(ENDPOINTS).json()["data"]] == [own["id"]]
    assert len(api.get(ENDPOINTS).json()["data"]) == 2
