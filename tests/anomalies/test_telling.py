"""Who hears of an anomaly, how often, and who does not."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from notifier.anomalies.mail import send_mails
from notifier.anomalies.watch import look
from notifier.models import Anomaly, OutboxEntry, Silence
from tests import builders
from tests.anomalies.measuring import ALL, AT, SOME, WIDTH

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("remembered", "mails"),
]


def test_an_email_when_it_begins_and_one_when_it_ends(passes):
    passes(SOME)
    assert not send_mails()
    passes(SOME, SOME, SOME)
    for _ in range(3):
        send_mails()
    (began,) = mail.outbox
    assert began.to == ["night@example.com", "li@example.com"]
    assert began.subject.startswith("[Hongyan] Anomalies: 1 new · Account ")
    assert "failures 30 % of 100 attempts, usual at this time of the week 0 %" in began.body
    assert "(median of 8 weeks)" in began.body
    passes(0, 0, 0)
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


def test_what_is_no_longer_judged_is_not_said_to_be_over(passes):
    passes(ALL)
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


def test_a_mail_server_that_is_away_is_tried_again(settings, passes):
    backend = settings.EMAIL_BACKEND
    passes(ALL)
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


def test_what_ends_while_the_mail_is_sent_is_told_too(settings, passes):
    """The backend is slow: meanwhile the clock ends the anomaly."""
    backend = settings.EMAIL_BACKEND
    passes(ALL)

    class Slow(BaseEmailBackend):
        def send_messages(self, email_messages):
            passes(0, 0)

    settings.EMAIL_BACKEND = "tests.anomalies.test_telling.Slow"
    globals()["Slow"] = Slow
    send_mails()
    settings.EMAIL_BACKEND = backend
    send_mails()
    assert [one.subject[:38] for one in mail.outbox] == ["[Hongyan] Anomalies: 1 ended · Account"]


def test_nobody_named_gets_no_email(settings, passes):
    settings.ANOMALY_EMAILS = []
    passes(ALL)
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
def test_a_silence_keeps_it_from_everybody(template, service, of, is_told, passes):
    builders.make_endpoint(service)
    others = {"account": template.account, "template": template}
    fits = {name: others.get(name, value) if value is True else value for name, value in of.items()}
    until = AT + WIDTH + of.get("until", timedelta(days=1))
    Silence.objects.create(**{"reason": "x", **fits, "until": until})
    passes(ALL)
    send_mails()
    assert (len(mail.outbox), OutboxEntry.objects.count()) == (is_told, is_told)
    one = Anomaly.objects.get()
    assert (one.state, one.is_silenced) == ("open", not is_told)
    passes(0, 0)
    assert OutboxEntry.objects.count() == 2 * is_told


def test_what_outlasts_its_silence_is_told(passes):
    Silence.objects.create(until=AT + 2.5 * WIDTH, reason="x")
    passes(ALL, ALL)
    send_mails()
    assert mail.outbox == []
    passes(ALL)
    send_mails()
    assert len(mail.outbox) == 1
