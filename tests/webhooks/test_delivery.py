"""A service hears of each event, signed, until it has taken it."""

import json
import re
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from notifier.models import AuditEntry, Outcome, WebhookDelivery, WebhookEndpoint
from notifier.webhooks.courier import Courier
from notifier.webhooks.relay import ping
from notifier.webhooks.retry import WAITS
from notifier.webhooks.tidying import tidy
from tests import builders
from tests.observability.test_metrics import value
from tests.webhooks.conftest import carry, end, make_due, one_event, problems, relay_all
from tests.webhooks.receiver import respond


def test_an_unmodified_library_verifies_what_is_posted(endpoint, ask, receiver, api):
    one_event(ask, metadata={"order": "云南白茶"})
    carry()
    (posted,) = receiver.requests
    assert Webhook(endpoint.secret).verify(posted.body, posted.headers)
    (event,) = api.get("/api/v1/events").json()["data"]
    assert json.loads(posted.body) == event
    assert posted.headers["webhook-id"] == event["id"]
    assert posted.headers["content-type"] == "application/json"
    delivery = WebhookDelivery.objects.get()
    assert (delivery.outcome, delivery.due_at, delivery.tries) == (Outcome.DELIVERED, None, 1)


def test_what_was_changed_on_the_way_is_not_verified(endpoint, ask, receiver):
    one_event(ask)
    carry()
    (posted,) = receiver.requests
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(posted.body + b" ", posted.headers)


def test_both_secrets_sign_for_a_day_after_a_rotation(endpoint, ask, receiver):
    old = endpoint.secret
    new = endpoint.new_secret(timezone.now())
    endpoint.save()
    one_event(ask)
    carry()
    for secret in (old, new):
        assert Webhook(secret).verify(receiver.requests[-1].body, receiver.requests[-1].headers)
    WebhookEndpoint.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    one_event(ask)
    carry()
    assert Webhook(new).verify(receiver.requests[-1].body, receiver.requests[-1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(receiver.requests[-1].body, receiver.requests[-1].headers)


def test_an_event_keeps_its_id_over_all_attempts(endpoint, ask, receiver):
    receiver.answers = [500, 503, 200]
    one_event(ask)
    for _ in range(4):
        carry()
        make_due()
    assert len(receiver.ids) == 3
    assert len(set(receiver.ids)) == 1
    delivery = WebhookDelivery.objects.get()
    assert problems(delivery) == ["refused", "refused", ""]
    assert [entry["status"] for entry in delivery.log] == [500, 503, 200]
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (0, None)


def test_after_its_last_attempt_it_is_given_up(endpoint, ask, receiver):
    receiver.usual = 500
    one_event(ask)
    for _ in range(len(WAITS) + 3):
        carry()
        make_due()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.outcome, delivery.due_at, delivery.tries) == (Outcome.FAILED, None, 11)
    assert len(receiver.requests) == 11


def test_a_retry_after_is_respected(endpoint, ask, receiver):
    receiver.answers = [lambda handler: respond(handler, 429, Retry_After="1800")]
    one_event(ask)
    carry()
    now = timezone.now()
    soon, late = now + timedelta(seconds=1750), now + timedelta(seconds=1801)
    assert soon < WebhookDelivery.objects.get().due_at < late
    assert soon < WebhookEndpoint.objects.get().paused_until < late


def test_one_that_is_gone_is_switched_off_with_the_reason(endpoint, ask, receiver):
    receiver.usual = 410
    one_event(ask)
    carry()
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.off_because) == (False, "gone")
    assert WebhookDelivery.objects.get().outcome == Outcome.FAILED
    entry = AuditEntry.objects.order_by("-id").first()
    assert (entry.actor_kind, entry.object_type) == ("system", "notifier.webhookendpoint")
    one_event(ask)
    make_due()
    carry()
    assert len(receiver.requests) == 1


def test_one_that_fails_for_days_is_switched_off_and_goes_on_when_it_is_on_again(
    endpoint, ask, receiver
):
    receiver.answers = [500]
    WebhookEndpoint.objects.update(failures=9, failing_since=timezone.now() - timedelta(days=3))
    one_event(ask)
    carry()
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.off_because) == (False, "failing")
    make_due()
    carry()
    assert len(receiver.requests) == 1
    endpoint.switch(on=True)
    endpoint.save()
    carry()
    assert WebhookDelivery.objects.get().outcome == Outcome.DELIVERED


def test_the_breaker_lets_one_through_at_a_time(endpoint, ask, receiver):
    receiver.usual = 500
    for _ in range(30):
        end(ask())
    relay_all()
    for _ in range(5):
        carry()
    assert len(receiver.requests) == 5
    endpoint.refresh_from_db()
    assert endpoint.failures == 5
    assert endpoint.paused_until > timezone.now() + timedelta(seconds=5)
    WebhookEndpoint.objects.update(paused_until=timezone.now())
    carry()
    assert len(receiver.requests) == 6
    receiver.usual = 200
    WebhookEndpoint.objects.update(paused_until=timezone.now())
    carry()
    assert len(receiver.requests) == 30
    assert WebhookDelivery.objects.filter(outcome=Outcome.DELIVERED).count() == 24


def test_what_waited_a_day_behind_the_breaker_is_given_up(endpoint, ask):
    one_event(ask)
    long_ago = timezone.now() - timedelta(hours=25)
    WebhookDelivery.objects.update(due_at=long_ago)
    tidy()
    assert WebhookDelivery.objects.get().outcome == Outcome.WAITING
    WebhookEndpoint.objects.update(failures=7, paused_until=timezone.now() + timedelta(hours=1))
    tidy()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.outcome, delivery.due_at) == (Outcome.FAILED, None)
    assert problems(delivery) == ["too_old"]


def test_only_what_it_wants_is_posted(service, ask, receiver):
    builders.make_endpoint(service, url=receiver.url, types=["message.delivered"])
    one_event(ask)
    assert not WebhookDelivery.objects.exists()


def test_a_ping_goes_to_the_one_endpoint_whatever_it_wants(service, receiver):
    builders.make_endpoint(service)
    asked = builders.make_endpoint(service, url=receiver.url, types=["message.delivered"])
    ping(asked)
    carry()
    (posted,) = receiver.requests
    assert json.loads(posted.body)["type"] == "ping"
    assert WebhookDelivery.objects.count() == 1


def test_connections_are_kept_within_a_run(endpoint, ask, receiver):
    clients = set()
    receiver.usual = lambda handler: (
        clients.add(handler.client_address),
        respond(handler, 200, b"ok"),
    )
    for _ in range(20):
        end(ask())
    relay_all()
    carry()
    assert len(receiver.requests) == 20
    assert len(clients) == 1


def test_many_are_posted_each_once(endpoint, ask, receiver):
    message = ask()
    for one in builders.copies(message, 120):
        end(one)
    relay_all()
    carry(30)
    assert len(receiver.ids) == len(set(receiver.ids)) == 120


def test_a_result_that_comes_after_the_lease_changes_nothing(endpoint, ask, receiver):
    """Another clock took it meanwhile."""
    one_event(ask)
    later = timezone.now() + timedelta(seconds=500)

    def overtaken(handler):
        WebhookDelivery.objects.update(due_at=later)
        connection.close()
        respond(handler, 500)

    receiver.usual = overtaken
    carry()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.due_at, delivery.tries, delivery.log) == (later, 0, [])


def test_what_is_in_the_air_at_the_end_is_stored(endpoint, ask, receiver):
    receiver.usual = lambda handler: (time.sleep(0.5), respond(handler, 200))
    for _ in range(3):
        end(ask())
    relay_all()
    courier = Courier()
    courier.work()
    courier.finish(5)
    outcomes = list(WebhookDelivery.objects.order_by("id").values_list("outcome", flat=True))
    assert outcomes == [Outcome.DELIVERED, Outcome.WAITING, Outcome.WAITING]
    assert not WebhookDelivery.objects.filter(due_at__gt=timezone.now()).exists()


def shown(client, name):
    """A figure of /metrics; 0 where it is not there yet."""
    text = client.get("/metrics").content.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0


def test_what_waits_and_what_came_of_it_is_counted(endpoint, ask, receiver, client):
    waiting = f'hongyan_webhook_waiting{{endpoint="{endpoint.pk.hex}"}}'
    taken = 'hongyan_webhook_attempts_total{outcome="taken"}'
    refused = 'hongyan_webhook_attempts_total{outcome="refused"}'
    before = shown(client, taken), shown(client, refused)
    for _ in range(3):
        end(ask())
    relay_all()
    assert shown(client, waiting) == 3
    receiver.answers = [500]
    for _ in range(3):
        carry()
        make_due()
    assert shown(client, waiting) == 0
    assert (shown(client, taken), shown(client, refused)) == (before[0] + 3, before[1] + 1)


def test_how_long_an_event_waited_for_its_endpoint_is_counted(endpoint, ask, receiver, client):
    name = rf'hongyan_webhook_lag_seconds_count\{{endpoint="{endpoint.pk.hex}"\}}'
    before = value(client, name)
    receiver.answers = [500]
    one_event(ask)
    carry()
    assert value(client, name) == before
    make_due()
    carry()
    assert value(client, name) == before + 1
