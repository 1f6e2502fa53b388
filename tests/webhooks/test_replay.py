"""Sending again, under the id that the event had."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.models import Outcome, State, WebhookDelivery, WebhookEndpoint
from notifier.webhooks import replay as module
from notifier.webhooks.replay import Range, replay, replay_range
from tests import builders
from tests.webhooks.conftest import carry, end, relay_all

HOUR = timedelta(hours=1)


def recently(**values):
    now = timezone.now()
    return Range(now - HOUR, now + HOUR, **values)


def test_one_is_sent_again_under_its_id(endpoint, ask, receiver):
    end(ask())
    relay_all()
    carry()
    (delivery,) = WebhookDelivery.objects.all()
    assert replay([delivery.pk]) == 1
    carry()
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def test_what_waits_is_not_begun_anew(endpoint, ask):
    end(ask())
    relay_all()
    WebhookDelivery.objects.update(tries=4)
    assert replay(WebhookDelivery.objects.values_list("pk", flat=True)) == 0
    assert WebhookDelivery.objects.get().tries == 4


def test_a_range_brings_what_came_while_the_endpoint_was_off(service, ask, receiver, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 3)
    endpoint = builders.make_endpoint(service, url=receiver.url, is_active=False)
    messages = [end(ask()) for _ in range(8)]
    relay_all()
    assert not WebhookDelivery.objects.exists()
    endpoint.switch(on=True)
    endpoint.save()
    assert replay_range(endpoint, recently()).events == 8
    assert replay_range(endpoint, recently()).events == 0
    carry()
    assert len(set(receiver.ids)) == len(messages)


@pytest.mark.parametrize(
    ("which", "count", "left"),
    [("missed", 2, 1), ("failed", 1, 1), ("delivered", 1, 1), ("all", 3, 0)],
)
def test_a_range_is_narrowed_by_what_became_of_it(endpoint, ask, which, count, left):
    """One was told, one given up, one waits, of one there is no delivery."""
    for _ in range(4):
        end(ask())
    relay_all()
    told, given_up, _waits, none = WebhookDelivery.objects.order_by("id")
    WebhookDelivery.objects.filter(pk=told.pk).update(outcome=Outcome.DELIVERED, due_at=None)
    WebhookDelivery.objects.filter(pk=given_up.pk).update(outcome=Outcome.FAILED, due_at=None)
    none.delete()
    assert replay_range(endpoint, recently(which=which)).events == count
    assert WebhookDelivery.objects.filter(due_at=None).count() == left


def test_a_range_is_narrowed_by_type_and_time(service, ask):
    endpoint = builders.make_endpoint(service, types=["message.expired"])
    end(ask(), State.EXPIRED)
    end(ask())
    relay_all()
    WebhookDelivery.objects.all().delete()
    past = Range(timezone.now() - 2 * HOUR, timezone.now() - HOUR)
    assert replay_range(endpoint, past).events == 0
    assert replay_range(endpoint, recently()).events == 1  # only what it wants
    assert replay_range(endpoint, recently(types=("message.cancelled",))).events == 1


def test_another_clients_events_are_never_sent(service, ask, template):
    end(ask())
    relay_all()
    other = builders.make_endpoint(builders.make_client())
    assert replay_range(other, recently(which="all")).events == 0
    assert WebhookEndpoint.objects.count() == 1


def test_a_long_range_is_sent_in_several_calls(service, ask, api, receiver, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 2)
    monkeypatch.setattr(module, "MOST", 4)
    endpoint = builders.make_endpoint(service, url=receiver.url, is_active=False)
    for _ in range(5):
        end(ask())
    relay_all()
    endpoint.switch(on=True)
    endpoint.save()
    where = f"/api/v1/webhook-endpoints/{endpoint.pk}/replay"
    since = (timezone.now() - HOUR).isoformat()
    first = api.post(where, {"since": since}, format="json").json()
    assert first["replayed"] == 4
    rest = api.post(where, {"since": first["next_since"]}, format="json").json()
    assert rest == {"replayed": 1, "next_since": None}
    carry()
    assert len(set(receiver.ids)) == 5
