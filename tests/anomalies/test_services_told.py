"""What services hear of an anomaly: whoever heard that it began hears that it ended."""

import json
from datetime import timedelta

import pytest
from django.core import mail

from notifier.anomalies.mail import send_mails
from notifier.anomalies.watch import look
from notifier.models import Anomaly, ClientEvent, Silence, State, WebhookDelivery
from notifier.webhooks.relay import relay
from tests import builders
from tests.anomalies.measuring import ALL, AT, SOME, WIDTH, happened, remember_template
from tests.webhooks.conftest import carry
from tests.webhooks.receiver import receiving

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("remembered", "mails"),
]


def told():
    relay()
    rows = ClientEvent.objects.order_by("pk").values_list("type", "about")
    return [(event, about["data"]["id"], about["data"]["ended_because"]) for event, about in rows]


def test_of_what_began_before_its_silence_services_hear_the_end(service, passes):
    """They may hold something back until then."""
    builders.make_endpoint(service)
    passes(ALL)
    send_mails()
    Silence.objects.create(until=AT + timedelta(days=1), reason="x")
    passes(ALL, 0, 0)
    send_mails()
    assert len(mail.outbox) == 1
    pk = str(Anomaly.objects.get().pk)
    assert told() == [("anomaly.raised", pk, None), ("anomaly.ended", pk, "usual")]


def heard_by(service):
    """Of the first endpoint's deliveries: what was told, in its order."""
    relay()
    rows = WebhookDelivery.objects.filter(endpoint__client=service).order_by("event")
    return [(one.event.type, one.event.about["data"]["id"]) for one in rows]


def test_what_the_accounts_took_in_ends_with_it_for_services(template, service, go_on):
    """A key limited to the template heard of that alone."""
    other = builders.make_template(template.account)
    remember_template(template.account_id, other.pk)
    limited = builders.make_client()
    builders.make_endpoint(service)
    builders.make_endpoint(limited, templates=[template.pk])
    go_on({template: ALL, other: 0}, {template: ALL, other: ALL})
    part, whole = map(str, Anomaly.objects.order_by("pk").values_list("pk", flat=True))
    assert heard_by(limited) == [("anomaly.raised", part)]
    go_on(*[{template: 0, other: 0}] * 2)
    send_mails()
    assert told() == [
        *[("anomaly.raised", part, None)] * 2,
        ("anomaly.raised", whole, None),
        ("anomaly.ended", whole, "usual"),
        *[("anomaly.ended", part, "usual")] * 2,
    ]
    assert heard_by(limited) == [("anomaly.raised", part), ("anomaly.ended", part)]
    data = ClientEvent.objects.order_by("pk").last().about["data"]
    assert (data["part_of"], data["ended_at"] is None) == (whole, False)
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(("at_the_end", "why"), [({}, "not_judged"), ({"well": 0}, "usual")])
def test_of_a_part_that_falls_silent_nobody_says_that_it_is_well(
    template, service, go_on, at_the_end, why
):
    others = [builders.make_template(template.account) for _ in range(2)]
    for one in others:
        remember_template(template.account_id, one.pk)
    builders.make_endpoint(service, templates=[template.pk])
    bad, well = dict.fromkeys(others, ALL), dict.fromkeys(others, 0)
    own = {template: 0} if at_the_end else {}
    go_on({template: ALL} | well, bad, well | own, well | own)
    whole = Anomaly.objects.get(template=None)
    assert (whole.state, set(whole.templates)) == ("ended", {template.pk, *(o.pk for o in others)})
    assert [one[2] for one in told()] == [None, why]


def test_who_heard_the_beginning_hears_the_end_whatever_joined_later(template, service, go_on):
    others = [builders.make_template(template.account) for _ in range(2)]
    for one in others:
        remember_template(template.account_id, one.pk)
    first_two = [template, others[0]]
    builders.make_endpoint(service, templates=[one.pk for one in first_two])
    well = dict.fromkeys([*first_two, others[1]], 0)
    go_on(dict.fromkeys(first_two, ALL) | {others[1]: 0}, dict.fromkeys(well, ALL), well, well)
    one = Anomaly.objects.get()
    assert len(one.templates) == 3
    assert heard_by(service) == [("anomaly.raised", str(one.pk)), ("anomaly.ended", str(one.pk))]
    codes = sorted(one.code for one in first_two)
    assert ClientEvent.objects.order_by("pk").last().about["data"]["templates"] == codes


def test_a_service_is_told_by_webhook(template, service, passes):
    with receiving() as receiver:
        builders.make_endpoint(service, url=receiver.url, types=["anomaly.raised", "anomaly.ended"])
        passes(SOME, SOME, SOME, 0, 0)
        relay()
        carry()
        bodies = [json.loads(one.body) for one in receiver.requests]
    assert [one["type"] for one in bodies] == ["anomaly.raised", "anomaly.ended"]
    raised, ended = (one["data"] for one in bodies)
    assert raised["id"] == ended["id"]
    assert (raised["account"], raised["templates"]) == (template.account.slug, [template.code])
    assert raised["measure"] == "failure"
    assert (raised["value"], raised["usual"], raised["messages"]) == (0.3, 0, 100)
    assert raised["ended_at"] is None
    assert ended["ended_at"] == (AT + 5 * WIDTH).isoformat(timespec="seconds")
    assert raised["text"].startswith("failures 30 % of 100 attempts")


@pytest.mark.parametrize(
    ("limits", "is_told"),
    [
        ({}, True),
        ({"types": ["message.failed"]}, False),
        ({"is_active": False}, False),
        ({"is_test": True}, False),
        ({"accounts": "own"}, True),
        ({"accounts": [987_654]}, False),
        ({"templates": "own"}, True),
        ({"templates": "one of two"}, False),
    ],
)
def test_whose_key_may_not_see_all_of_it_hears_nothing(template, service, limits, is_told):
    other = builders.make_template(template.account)
    remember_template(template.account_id, other.pk)
    both = [template.pk, other.pk]
    known = {"own": {"accounts": [template.account_id], "templates": both}}
    values = {
        name: known["own"][name] if value == "own" else value for name, value in limits.items()
    }
    if limits.get("templates") == "one of two":
        values["templates"] = [template.pk]
    builders.make_endpoint(service, **values)
    for one in (template, other):
        happened(one, ALL, AT, State.FAILED, errcode=40037)
    look(AT + 1.1 * WIDTH)
    assert sorted(Anomaly.objects.get().templates) == both
    relay()
    assert WebhookDelivery.objects.count() == is_told


def test_events_shows_it_to_a_key_without_limits(service, api, passes):
    builders.make_endpoint(service, types=["anomaly.raised"])
    passes(ALL)
    relay()
    assert ClientEvent.objects.get().message is None
    answer = api.get("/api/v1/events").json()
    assert [one["type"] for one in answer["data"]] == ["anomaly.raised"]
    assert answer["data"][0]["data"]["measure"] == "failure"
    limited = service.make_key(scopes=["read"])
    key = service.keys.order_by("-pk")[0]
    key.accounts.set([builders.make_account()])
    key.save()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {limited}")
    assert api.get("/api/v1/events").json()["data"] == []
