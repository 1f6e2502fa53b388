"""Old rows go, with what hangs on them; what waits and the figures stay."""

import threading
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from notifier.intake import figures
from notifier.models import (
    Anomaly,
    MeasuredWindow,
    Message,
    MessageCount,
    MessageEvent,
    MessageLabel,
    Push,
    State,
)
from notifier.models.counts import ACCEPTED, Span
from notifier.models.ids import first_id_at
from notifier.retention import sweep as module
from notifier.retention.sweep import OVER, sweep
from tests import builders
from tests.builders import now
from tests.campaigns.campaigning import make_campaign

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _days(transactional_db, settings, monkeypatch):
    settings.MESSAGE_KEEP_DAYS, settings.PUSH_KEEP_DAYS = 30, 10
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)


@pytest.fixture
def template():
    return builders.make_template()


def aged(message, days, **values):
    """As if it had been accepted so many days ago: its id says so, too."""
    pk = first_id_at(timezone.now() - days * DAY)
    made = message.__class__.objects.filter(pk=message.pk).values().get()
    row = Message.objects.create(**{**made, "id": pk, "idempotency_key": None, **values})
    MessageEvent.objects.create(message=row, at=timezone.now(), state=State.SENT)
    MessageLabel.objects.create(message=row, key="order", value="1")
    return row


def test_what_is_over_and_old_goes_with_what_hangs_on_it(template):
    young = builders.make_message(template)
    builders.set_message(young, state=State.SENT)
    old = [aged(young, 31 + place, state=state) for place, state in enumerate(OVER)]
    assert len(old) == 7
    while sweep():
        pass
    assert list(Message.objects.all()) == [young]
    assert not MessageLabel.objects.exists()
    assert not MessageEvent.objects.exclude(message=young).exists()


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
def test_what_waits_stays_however_old(template, state):
    waits = aged(builders.make_message(template), 400, state=state)
    sweep()
    assert Message.objects.filter(pk=waits.pk).exists()


def test_without_days_all_is_kept(template, settings):
    settings.MESSAGE_KEEP_DAYS = 0
    aged(builders.make_message(template), 4000, state=State.SENT)
    sweep()
    assert Message.objects.count() == 2


def test_the_figures_stay(template):
    builders.set_message(builders.make_message(template), state=State.SENT)
    figures.tick(timezone.now())
    hours = MessageCount.objects.filter(span=Span.HOUR, state=ACCEPTED).values_list("count")
    before = list(hours)
    old = Message.objects.get()
    aged(old, 31, state=State.SENT)
    old.delete()
    sweep()
    assert not Message.objects.exists()
    assert list(hours) == before != []


def test_a_slice_at_a_time(template, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 2)
    message = builders.make_message(template)
    for days in range(40, 45):
        aged(message, days, state=State.DELIVERED)
    assert [sweep() for _ in range(3)] == [True, True, False]
    assert Message.objects.count() == 1


def test_old_pushes_go_and_those_that_wait_stay(template, monkeypatch):
    now = timezone.now()

    def push(key, days, **values):
        return Push.objects.create(
            account=template.account, key=key, event="subscribe", openid="x",
            happened_at=now, received_at=now - days * DAY, **values,
        )  # fmt: skip

    push("old", 11)
    waits, young = push("waits", 11, due_at=now), push("young", 9)
    sweep()
    assert set(Push.objects.all()) == {waits, young}


def test_pushes_that_have_to_stay_hold_up_no_other(template, monkeypatch):
    monkeypatch.setattr("notifier.retention.sweep.SLICE", 2)
    now = timezone.now()
    for number in range(6):
        Push.objects.create(
            account=template.account, key=f"{number}", event="subscribe", openid="x",
            happened_at=now, received_at=now - 11 * DAY, due_at=now if number < 3 else None,
        )  # fmt: skip
    assert [sweep(), sweep()] == [True, False]
    assert Push.objects.count() == 3


def test_sessions_go_when_they_have_ended(monkeypatch):
    monkeypatch.setattr(module, "SLICE", 2)
    for key, days in (("a", -40), ("b", -2), ("c", -1), ("going", 1)):
        Session.objects.create(session_key=key, session_data="x", expire_date=now() + days * DAY)
    assert [sweep(), sweep()] == [True, False]
    assert [one.pk for one in Session.objects.all()] == ["going"]


@pytest.mark.parametrize(
    ("state", "stay"), [("running", True), ("canary", True), ("paused", False), ("done", False)]
)
def test_old_messages_of_a_campaign_stay_while_it_is_sent(template, state, stay):
    """What is judged is how they all fared; one that waits for somebody is judged anew."""
    begun = now() - 40 * DAY
    campaign = make_campaign(template, state=state, started_at=begun, finished_at=begun)
    old = aged(builders.make_message(template), 31, state=State.SENT, campaign_id=campaign.pk)
    another = aged(builders.make_message(template), 32, state=State.SENT)
    sweep()
    assert Message.objects.filter(pk=old.pk).exists() is stay
    assert not Message.objects.filter(pk=another.pk).exists()


def test_measures_and_what_has_ended_go_and_what_goes_on_stays(template, settings):
    settings.ANOMALY_KEEP_DAYS = 70
    account, old, young = template.account, now() - 71 * DAY, now() - 69 * DAY
    for begins in (old, young):
        MeasuredWindow.objects.create(account_id=account.pk, begins=begins)
        builders.make_anomaly(account, state="ended", ended_at=begins)
    builders.make_anomaly(account, begun_at=old, seen_at=old)
    sweep()
    assert [one.begins for one in MeasuredWindow.objects.all()] == [young]
    states = Anomaly.objects.order_by("pk").values_list("state", "ended_at")
    assert list(states) == [("ended", young), ("open", None)]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_it_waits_for_nobody(template):
    """Somebody holds a row: the others go at once, and it the next time."""
    message = builders.make_message(template)
    held, free = (aged(message, days, state=State.FAILED) for days in (50, 40))
    let_go, holds = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                Message.objects.select_for_update().get(pk=held.pk)
                holds.set()
                let_go.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert holds.wait(10)
        sweep()
        assert Message.objects.filter(pk=held.pk).exists()
        assert not Message.objects.filter(pk=free.pk).exists()
    finally:
        let_go.set()
        thread.join()
    sweep()
    assert not Message.objects.filter(pk=held.pk).exists()
