"""The clock's look at the windows: what is measured, suspected, raised and ended."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from notifier.anomalies import watch as module
from notifier.anomalies.watch import look
from notifier.models import Anomaly, Measure, MeasuredWindow, State
from tests import builders
from tests.anomalies.measuring import AT, WIDTH, happened, remember, row, weeks

pytestmark = pytest.mark.django_db(transaction=True)
SOON = WIDTH / 10
"""After a window's end."""


@pytest.fixture
def template():
    return builders.make_template()


def windows(**of):
    return MeasuredWindow.objects.filter(account_id__gt=0, **of)


def ends(count=1):
    """A moment after so many windows from AT on."""
    return AT + count * WIDTH + SOON


def test_what_is_measured_of_a_window(template):
    at = AT + WIDTH / 2
    happened(template, 30, at, lag=timedelta(seconds=3))
    happened(template, 2, at, status="failed:user block")
    happened(template, 1, at, status="failed: system failed")
    happened(template, 4, at, lag=None)
    happened(template, 5, at, State.FAILED, errcode=40037, duration_ms=400)
    happened(template, 3, at, State.FAILED, errcode=43101)
    happened(template, 2, at, State.QUEUED, errcode=-1, reason="retry")
    # Not an attempt: claimed, the quota of the day, given up without one, the sandbox.
    happened(template, 9, at, State.SENDING, duration_ms=None)
    happened(template, 9, at, State.QUEUED, errcode=45009, reason="quota")
    happened(template, 6, at, State.EXPIRED, errcode=None, duration_ms=None)
    happened(template, 50, at, State.FAILED, is_test=True)
    look(ends())
    look(ends(2))
    for of in (0, template.pk):
        row = windows(begins=AT, template_id=of).get()
        assert row.account_id == template.account_id
        assert (row.tried, row.failed, row.refused) == (53, 13, 3)
        assert (row.timed, row.median_ms, row.p95_ms) == (47, 80, 400)
        assert row.errcodes == {"40037": 5, "43101": 3, "-1": 2}
        assert (row.sent, row.blocked, row.undelivered, row.missing) == (37, 2, 1, 4)
        assert row.lag_ms == 3_000


def test_a_receipt_that_comes_after_the_window_counts(template):
    """The receipts are looked at a window later."""
    happened(template, 10, AT + WIDTH * 0.99, lag=timedelta(seconds=60))
    look(ends())
    assert windows(template_id=0).get().sent == 0
    look(ends(2))
    row = windows(template_id=0).get()
    assert (row.sent, row.missing, row.lag_ms) == (10, 0, 60_000)


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


def test_nothing_is_locked_while_a_window_is_compared(template, monkeypatch):
    def compared(*args):
        locked.append(connection.in_atomic_block)
        return compare(*args)

    locked, compare = [], module.history
    monkeypatch.setattr(module, "history", compared)
    remember(template.account_id, template.pk)
    happened(template, 20, AT)
    look(ends())
    assert locked
    assert not any(locked)


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


def test_late_receipts_raise(template):
    remember(template.account_id, template.pk)
    for n in range(2):
        happened(template, 100, AT + n * WIDTH, lag=None)
    for n in (1, 2, 3):
        look(ends(n))
    one = Anomaly.objects.get(measure=Measure.RECEIPT_LAG)
    assert (one.state, one.value) == ("open", WIDTH.total_seconds() * 1000)


def test_what_is_sent_no_more_ends(template):
    remember(template.account_id, template.pk)
    happened(template, 100, AT, State.FAILED, errcode=40037)
    for n in range(1, 28):
        look(ends(n))
    assert Anomaly.objects.get().state == "ended"


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
    known = {"templates": [template.pk], "begun_at": began, "checked_at": AT, "seen_at": AT}
    builders.make_anomaly(template.account, **known)
    for n in range(3):
        happened(template, 80, AT + n * WIDTH)
        happened(template, 20, AT + n * WIDTH, State.FAILED, errcode=40037)
        look(ends(n + 1))
    assert Anomaly.objects.get().state == state


def test_a_window_is_measured_once(template):
    happened(template, 10, AT)
    assert [look(ends()), look(ends())] == [False, False]
    assert windows(template_id=0).get().tried == 10


@pytest.mark.parametrize("where", ["_foresee", "_advance"])
def test_what_a_clock_measured_that_dies_is_measured_again(template, monkeypatch, where):
    remember(template.account_id, template.pk)
    happened(template, 80, AT, State.FAILED, errcode=40037)

    def die(*_args):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(module, where, die)
        with pytest.raises(SystemExit):
            look(ends())
    assert not Anomaly.objects.exists()
    happened(template, 20, AT, State.FAILED, errcode=40037)
    look(ends())
    assert set(windows(begins=AT).values_list("tried", flat=True)) == {100}
    assert Anomaly.objects.get().state == "open"


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


def test_a_clock_that_was_away_makes_up_for_it(template):
    happened(template, 10, AT)
    look(ends())
    happened(template, 10, AT + 2 * WIDTH)
    more = [look(ends(4)) for _ in range(3)]
    assert more == [True, True, False]
    assert windows(begins=AT + 2 * WIDTH, template_id=0).get().tried == 10


def test_of_very_many_an_even_sample_is_looked_at(template, monkeypatch):
    monkeypatch.setattr("notifier.anomalies.windows.MOST", 200)
    happened(template, 1500, AT + WIDTH / 2)
    happened(template, 500, AT + WIDTH / 2, State.FAILED, errcode=40037)
    look(ends())
    look(ends(2))
    row = windows(template_id=0).get()
    assert 150 <= row.tried <= 200
    assert row.failed / row.tried == pytest.approx(0.25, abs=0.12)
    assert row.sent == row.tried - row.failed


def test_switched_off(template, settings):
    settings.ANOMALY_WINDOW_SECONDS = 0
    assert not look(ends())
    assert not MeasuredWindow.objects.exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="as EXPLAIN of PostgreSQL writes")
def test_a_look_reads_a_window_and_not_the_log(template, django_assert_max_num_queries):
    happened(template, 3000, AT - timedelta(hours=4))
    happened(template, 100, AT + WIDTH / 2)
    remember(template.account_id, template.pk)
    with connection.cursor() as cursor:
        for table in ("messageevent", "measuredwindow", "message"):
            cursor.execute(f"ANALYZE notifier_{table}")
    with django_assert_max_num_queries(120) as queries:
        look(ends())
    big = ("notifier_messageevent", "notifier_measuredwindow", "notifier_messagecount")
    asked = [one["sql"] for one in queries.captured_queries if one["sql"].startswith("SELECT")]
    asked = [sql for sql in asked if any(f'FROM "{name}"' in sql for name in big)]
    assert len(asked) > 10
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")  # of a small table it would be cheaper
        for sql in asked:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line[0] for line in cursor.fetchall())
            assert "Seq Scan on notifier_me" not in plan, plan
        cursor.execute("SET enable_seqscan = on")


def test_a_window_that_cannot_be_judged_holds_up_no_later_one(template, monkeypatch, caplog):
    now = [ends()]
    monkeypatch.setattr(module.timezone, "now", lambda: now[0])
    with monkeypatch.context() as broken:
        broken.setattr(module, "_verdicts", lambda _window: 1 / 0)
        assert module.watch() is False
    assert caplog.text.count("it is left out") == 1
    assert module.watch() is False  # not again
    happened(template, 30, AT + WIDTH * 1.5)
    now[0] = ends(2)
    module.watch()
    assert windows(begins=AT + WIDTH, template_id=template.pk).get().tried == 30
