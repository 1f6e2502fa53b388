"""The clock's look at the windows: what is suspected, raised and ended."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections

from notifier.anomalies import watch as module
from notifier.anomalies.watch import look
from notifier.dispatch import works
from notifier.models import Anomaly, Measure, MeasuredWindow, OutboxEntry, State
from notifier.models.anomalies import Ending
from tests import builders
from tests.anomalies.measuring import AT, SOON, WIDTH, ends, happened, remember, row, weeks, windows

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_windows_raise_and_two_end(template):
    remember(template.account_id, template.pk)
    anomalies = Anomaly.objects.exclude(state="pending")
    states = []
    for failed in (20, 20, 0, 20, 0, 0):
        at = AT + len(states) * WIDTH
        happened(template, 100 - failed, at)
        if failed:
            happened(template, failed, at, State.FAILED, errcode=40037)
        look(at + WIDTH + SOON)
        states.append([one.state for one in anomalies.all()])
    assert states == [[], ["open"], ["open"], ["open"], ["open"], ["ended"]]
    one = anomalies.get()
    assert (one.measure, one.begun_at, one.ended_at) == (Measure.FAILURE, AT, AT + 6 * WIDTH)
    assert (one.value, one.usual, one.count, one.points) == (0.2, 0, 100, 8)


def test_one_bad_window_raises_nothing(template):
    remember(template.account_id, template.pk)
    happened(template, 80, AT)
    happened(template, 20, AT, State.FAILED, errcode=40037)
    look(ends())
    assert Anomaly.objects.get().state == "pending"
    happened(template, 100, AT + WIDTH)
    look(ends(2))
    assert not Anomaly.objects.exists()


def test_a_very_large_one_is_raised_at_once(template):
    remember(template.account_id, template.pk)
    happened(template, 100, AT, State.FAILED, errcode=40037)
    look(ends())
    one = Anomaly.objects.get()
    assert (one.state, one.facts["errcodes"]) == ("open", {"40037": 100})


def test_errcodes_are_of_all_the_windows_that_were_judged(template):
    """Few messages: the window before the last is judged along with it, and has the failures."""
    remember(template.account_id, template.pk)
    happened(template, 2, AT)
    happened(template, 12, AT, State.FAILED, errcode=40037)
    look(ends())
    happened(template, 14, AT + WIDTH)
    look(ends(2))
    assert Anomaly.objects.get().facts["errcodes"] == {"40037": 12}


def test_several_templates_are_one_of_the_account():
    account = builders.make_account()
    first, second, third = (builders.make_template(account) for _ in range(3))
    remember(account.pk, first.pk, second.pk, third.pk)
    for n in range(2):
        at = AT + n * WIDTH
        happened(third, 100, at)
        for one in (first, second):
            happened(one, 70, at)
            happened(one, 30, at, State.FAILED, errcode=40037)
        look(at + WIDTH + SOON)
    one = Anomaly.objects.get()
    assert (one.state, one.template, sorted(one.templates)) == ("open", None, [first.pk, second.pk])


def test_the_accounts_takes_in_its_templates():
    account = builders.make_account()
    first, second = (builders.make_template(account) for _ in range(2))
    remember(account.pk, first.pk, second.pk)
    for n, bad in enumerate([(first,), (first,), (first, second), (first, second)]):
        at = AT + n * WIDTH
        for one in (first, second):
            failed = 30 if one in bad else 0
            happened(one, 100 - failed, at)
            if failed:
                happened(one, failed, at, State.FAILED, errcode=40037)
        look(at + WIDTH + SOON)
    whole = Anomaly.objects.get(template=None)
    part = Anomaly.objects.get(template=first)
    assert (whole.state, part.state, part.part_of) == ("open", "ended", whole)
    assert whole.begun_at == part.begun_at == AT
    assert part.ended_because == Ending.TAKEN_IN


@pytest.mark.parametrize(
    ("lost", "lag", "measure", "value"),
    [
        (0, timedelta(seconds=30), Measure.RECEIPT_LAG, 30_000),
        (40, timedelta(seconds=2), Measure.MISSING, 0.4),
        (100, timedelta(seconds=2), Measure.MISSING, 1),
    ],
)
def test_receipts_that_come_late_or_not_at_all_raise(template, lost, lag, measure, value):
    remember(template.account_id, template.pk)
    for n in range(2):
        for count, own in ((100 - lost, lag), (lost, None)):
            if count:
                happened(template, count, AT + n * WIDTH, lag=own)
    for n in (1, 2, 3):
        look(ends(n))
    one = Anomaly.objects.get()
    assert (one.state, one.measure, one.value) == ("open", measure, value)


def test_what_is_sent_no_more_ends(template):
    remember(template.account_id, template.pk)
    happened(template, 100, AT, State.FAILED, errcode=40037)
    for n in range(1, 28):
        look(ends(n))
    one = Anomaly.objects.get()
    assert (one.state, one.ended_because) == ("ended", Ending.NOT_JUDGED)


def test_the_clocks_absence_ends_nothing(template):
    remember(template.account_id, template.pk)
    happened(template, 100, AT, State.FAILED, errcode=40037)
    look(ends())
    happened(template, 1, AT + 99 * WIDTH)  # too few to be judged
    look(ends(100))
    one = Anomaly.objects.get()
    assert (one.state, one.unjudged_in_a_row) == ("open", 1)


def test_where_nothing_is_judged_any_more_nothing_stays_open(template, service, settings):
    builders.make_endpoint(service)
    remember(template.account_id, template.pk)
    happened(template, 100, AT, State.FAILED, errcode=40037)
    look(ends())
    settings.ANOMALY_WINDOW_SECONDS = 0
    for _ in range(2):
        look(ends(2))
    one = Anomaly.objects.get()
    assert (one.state, one.ended_because) == ("ended", Ending.NOT_JUDGED)
    told = OutboxEntry.objects.order_by("pk").values_list("type", flat=True)
    assert [*told] == ["anomaly.raised", "anomaly.ended"]


@pytest.mark.parametrize(("lasts", "state"), [(27, "open"), (28, "ended")])
def test_what_lasts_for_four_weeks_is_usual_then(template, lasts, state):
    """The new level is the rule: it ends, and does not begin again."""
    began = AT - timedelta(days=lasts)
    for of in (0, template.pk):
        MeasuredWindow.objects.bulk_create(
            row(
                one,
                account_id=template.account_id,
                template_id=of,
                failed=20 if one >= began else 0,
            )
            for one in weeks()
        )
    known = {"templates": [template.pk], "begun_at": began, "seen_at": AT}
    builders.make_anomaly(template.account, **known)
    for n in range(3):
        happened(template, 80, AT + n * WIDTH)
        happened(template, 20, AT + n * WIDTH, State.FAILED, errcode=40037)
        look(ends(n + 1))
    assert Anomaly.objects.get().state == state


def test_two_clocks_raise_once(template):
    remember(template.account_id, template.pk)
    happened(template, 100, AT, State.FAILED, errcode=40037)
    start = threading.Barrier(2)
    problems = []

    def clock():
        try:
            start.wait(5)
            look(ends())
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=clock) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert problems == []
    assert Anomaly.objects.count() == 1
    assert windows(begins=AT).count() == 2


def test_switched_off(template, settings):
    settings.ANOMALY_WINDOW_SECONDS = 0
    assert not look(ends())
    assert not MeasuredWindow.objects.exists()


def test_a_window_that_cannot_be_judged_holds_up_no_later_one(template, monkeypatch, caplog):
    now = [ends()]
    monkeypatch.setattr(module.timezone, "now", lambda: now[0])
    with monkeypatch.context() as broken:
        broken.setattr(module, "_verdicts", lambda _window: 1 / 0)
        assert module.watch() is False
    assert caplog.text.count("it is left out") == 1
    assert module.watch() is False  # not again
    first_tried, _ = works.works()[module.JUDGED]
    happened(template, 30, AT + WIDTH * 1.5)
    now[0] = ends(2)
    module.watch()
    assert windows(begins=AT + WIDTH, template_id=template.pk).get().tried == 30
    assert works.works()[module.JUDGED][0] > first_tried


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), timedelta(hours=10)])
def test_a_clock_that_was_ahead_leaves_no_window_out(template, ahead):
    """With the machine's clock the database's was, too."""
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL has a clock of its own")
    seconds = WIDTH.total_seconds()
    begins = datetime.fromtimestamp(builders.now().timestamp() // seconds * seconds, UTC)
    while look(begins + SOON + ahead):
        pass
    for n in range(13):
        happened(template, 30, begins + n * WIDTH)
        while look(begins + (n + 1) * WIDTH + SOON):
            pass
    measured = windows(template_id=0, tried__gt=0).values_list("begins", flat=True)
    assert sorted(measured) == [begins + n * WIDTH for n in range(13)]


def test_a_clock_that_is_ahead_of_the_database_measures_nothing(template):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has the machine's clock")
    look(builders.now() + timedelta(minutes=30))
    assert not MeasuredWindow.objects.exists()


def test_a_second_clock_that_is_behind_takes_no_window_away(template):
    happened(template, 30, AT)
    look(ends())
    look(AT - timedelta(hours=1))
    assert windows(template_id=0, begins=AT).get().tried == 30


def test_few_messages_end_it_and_leave_what_was_usual(template):
    """A message in five minutes: it failed for an hour, and then it does not."""
    seen = []
    for n in range(14 + 14):
        at = AT + n * WIDTH
        state, errcode = (State.FAILED, 40037) if n < 14 else (State.SENT, 0)
        happened(template, 1, at, state, errcode=errcode)
        look(at + WIDTH + SOON)
        seen.append([one.state for one in Anomaly.objects.all()])
    assert ["open"] in seen[:14]
    one = Anomaly.objects.get()
    assert (one.state, one.ended_because) == ("ended", Ending.USUAL)


def test_a_night_of_few_does_not_forget_what_was_usual(template):
    counts = [(30, 0)] * 40 + [(0, 30)] * 3 + [(0, 1)] * 80 + [(60, 40)] * 3
    for n, (sent, failed) in enumerate(counts):
        at = AT + n * WIDTH
        if sent:
            happened(template, sent, at)
        if failed:
            happened(template, failed, at, State.FAILED, errcode=40037)
        look(at + WIDTH + SOON)
    one = Anomaly.objects.get(measure=Measure.FAILURE)
    assert (one.state, one.usual, one.limit) == ("open", 0, 0.02)
