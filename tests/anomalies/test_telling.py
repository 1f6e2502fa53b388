"""Who hears of an anomaly, how often, and who does not."""

import json
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from notifier.anomalies.mail import send_mails
from notifier.anomalies.watch import look
from notifier.models import Anomaly, ClientEvent, OutboxEntry, Silence, State, WebhookDelivery
from notifier.webhooks.relay import relay
from tests import builders
from tests.anomalies.measuring import AT, WIDTH, happened, remember, remember_template
from tests.webhooks.conftest import carry
from tests.webhooks.receiver import receiving

pytestmark = pytest.mark.django_db(transaction=True)
ALL, HALF = 100, 30


@pytest.fixture(autouse=True)
def _mails(settings):
    settings.ANOMALY_EMAILS = ["night@example.com", "li@example.com"]
    settings.HAS_MAIL_SERVER = True


@pytest.fixture
def template():
    made = builders.make_template()
    remember(made.account_id, made.pk)
    return made


def passes(template, *failed):
    """A window for each: so many of a hundred failed in it. It goes on after the last."""
    for count in failed:
        at = AT + passes.n * WIDTH
        if count < ALL:
            happened(template, ALL - count, at)
        if count:
            happened(template, count, at, State.FAILED, errcode=40037)
        passes.n += 1
        look(at + 1.1 * WIDTH)


@pytest.fixture(autouse=True)
def _from_the_start():
    passes.n = 0


def test_an_email_when_it_begins_and_one_when_it_ends(template):
    passes(template, HALF)
    assert not send_mails()
    passes(template, HALF, HALF, HALF)
    for _ in range(3):
        send_mails()
    (began,) = mail.outbox
    assert began.to == ["night@example.com", "li@example.com"]
    assert began.subject.startswith("[Hongyan] Anomalies: 1 new · Account ")
    assert "failures 30 % of 100 attempts, usual at this time of the week 0 %" in began.body
    assert "(median of 8 weeks)" in began.body
    passes(template, 0, 0, 0)
    for _ in range(3):
        send_mails()
    assert len(mail.outbox) == 2
    assert mail.outbox[1].subject.startswith("[Hongyan] Anomalies: 1 ended · ")


def test_what_begins_together_is_one_email(template, settings):
    settings.LANGUAGE_CODE = "zh-hans"
    other = builders.make_template()
    builders.make_anomaly(template.account, template, mail_due=timezone.now())
    ended = {"state": "ended", "ended_at": timezone.now()}
    builders.make_anomaly(other.account, other, mail_due=timezone.now(), **ended)
    send_mails()
    (one,) = mail.outbox
    assert one.subject == "[Hongyan] 异常：新增 1 个、结束 1 个"
    assert re.search(r"\(自 \d\d-\d\d \d\d:\d\d 起\)", one.body)


def test_what_is_no_longer_judged_is_not_said_to_be_over(template):
    passes(template, ALL)
    send_mails()
    for n in range(1, 28):
        look(AT + n * WIDTH + 1.1 * WIDTH)
    send_mails()
    _, left = mail.outbox
    assert left.subject.startswith("[Hongyan] Anomalies: 1 no longer judged · ")
    assert "nobody knows whether it is over" in left.body


def test_an_email_leads_to_the_page(template, settings):
    settings.HONGYAN_URL = "https://hongyan.example.com"
    one = builders.make_anomaly(template.account, template, mail_due=timezone.now())
    send_mails()
    link = f"https://hongyan.example.com/admin/notifier/anomaly/{one.pk}/change/"
    assert link in mail.outbox[0].body.splitlines()


def test_one_that_cannot_be_told_holds_up_no_other(template, caplog):
    builders.make_anomaly(template.account, measure="quota", mail_due=timezone.now())
    builders.make_anomaly(template.account, template, mail_due=timezone.now())
    send_mails()
    assert mail.outbox[0].subject.startswith("[Hongyan] Anomalies: 2 new")
    assert "failures 12 %" in mail.outbox[0].body
    assert "cannot be put into words" in caplog.text


class Broken(BaseEmailBackend):
    def send_messages(self, email_messages):
        raise TimeoutError("the mail server hangs")


def test_a_mail_server_that_is_away_is_tried_again(template, settings):
    backend = settings.EMAIL_BACKEND
    passes(template, ALL)
    settings.EMAIL_BACKEND = f"{Broken.__module__}.Broken"
    assert not send_mails()
    one = Anomaly.objects.get()
    assert (one.mail_tries, one.mail_due > timezone.now()) == (1, True)
    settings.EMAIL_BACKEND = backend
    send_mails()
    assert mail.outbox == []
    Anomaly.objects.update(mail_due=timezone.now())
    send_mails()
    assert len(mail.outbox) == 1
    assert Anomaly.objects.get().mail_due is None


def test_what_ends_while_the_mail_is_sent_is_told_too(template, settings):
    """The backend is slow: meanwhile the clock ends the anomaly."""
    backend = settings.EMAIL_BACKEND
    passes(template, ALL)

    class Slow(BaseEmailBackend):
        def send_messages(self, email_messages):
            passes(template, 0, 0)

    settings.EMAIL_BACKEND = "tests.anomalies.test_telling.Slow"
    globals()["Slow"] = Slow
    send_mails()
    settings.EMAIL_BACKEND = backend
    send_mails()
    assert [one.subject[:38] for one in mail.outbox] == ["[Hongyan] Anomalies: 1 ended · Account"]


def test_nobody_named_gets_no_email(template, settings):
    settings.ANOMALY_EMAILS = []
    passes(template, ALL)
    send_mails()
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("of", "is_told"),
    [
        ({}, False),
        ({"account": True}, False),
        ({"template": True}, False),
        ({"measure": "failure"}, False),
        ({"measure": "latency"}, True),
        ({"until": -timedelta(seconds=1)}, True),
    ],
)
def test_a_silence_keeps_it_from_everybody(template, service, of, is_told):
    builders.make_endpoint(service)
    others = {"account": template.account, "template": template}
    fits = {name: others.get(name, value) if value is True else value for name, value in of.items()}
    until = AT + WIDTH + of.get("until", timedelta(days=1))
    Silence.objects.create(**{"reason": "x", **fits, "until": until})
    passes(template, ALL)
    send_mails()
    assert (len(mail.outbox), OutboxEntry.objects.count()) == (is_told, is_told)
    one = Anomaly.objects.get()
    assert (one.state, one.is_silenced) == ("open", not is_told)
    passes(template, 0, 0)
    assert OutboxEntry.objects.count() == 2 * is_told


def test_what_outlasts_its_silence_is_told(template):
    Silence.objects.create(until=AT + 2.5 * WIDTH, reason="x")
    passes(template, ALL, ALL)
    send_mails()
    assert mail.outbox == []
    passes(template, ALL)
    send_mails()
    assert len(mail.outbox) == 1


def told():
    rows = OutboxEntry.objects.order_by("pk").values_list("type", "about")
    return [(event, about["data"]["id"], about["data"]["ended_because"]) for event, about in rows]


def test_of_what_began_before_its_silence_services_hear_the_end(template, service):
    """They may hold something back until then."""
    builders.make_endpoint(service)
    passes(template, ALL)
    send_mails()
    Silence.objects.create(until=AT + timedelta(days=1), reason="x")
    passes(template, ALL, 0, 0)
    send_mails()
    assert len(mail.outbox) == 1
    pk = str(Anomaly.objects.get().pk)
    assert told() == [("anomaly.raised", pk, None), ("anomaly.ended", pk, "usual")]


def test_of_what_the_accounts_took_in_services_hear_the_end(template, service):
    builders.make_endpoint(service)
    other = builders.make_template(template.account)
    remember_template(template.account_id, other.pk)
    for n, bad in enumerate(([template], [template, other])):
        for one in (template, other):
            how = (State.FAILED, 40037) if one in bad else (State.SENT, 0)
            happened(one, ALL, AT + n * WIDTH, how[0], errcode=how[1])
        look(AT + n * WIDTH + 1.1 * WIDTH)
    send_mails()
    part, whole = Anomaly.objects.order_by("pk")
    assert told() == [
        ("anomaly.raised", str(part.pk), None),
        ("anomaly.raised", str(whole.pk), None),
        ("anomaly.ended", str(part.pk), "taken_in"),
    ]
    assert OutboxEntry.objects.last().about["data"]["part_of"] == str(whole.pk)
    (one,) = mail.outbox
    assert one.subject.startswith("[Hongyan] Anomalies: 1 new · ")


def test_a_service_is_told_by_webhook(template, service):
    with receiving() as receiver:
        builders.make_endpoint(service, url=receiver.url, types=["anomaly.raised", "anomaly.ended"])
        passes(template, HALF, HALF, HALF, 0, 0)
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


def test_events_shows_it_to_a_key_without_limits(template, service, api):
    builders.make_endpoint(service, types=["anomaly.raised"])
    passes(template, ALL)
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
