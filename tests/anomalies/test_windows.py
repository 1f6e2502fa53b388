"""The clock's look at the windows: what is measured, when, and at what cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from notifier.anomalies import watch as module
from notifier.anomalies.watch import look
from notifier.anomalies.words import in_words
from notifier.models import Anomaly, Message, MessageCount, OutboxEntry, State
from notifier.models.counts import ACCEPTED, Span
from notifier.models.ids import first_id_at
from tests import builders
from tests.anomalies.measuring import AT, WIDTH, ends, happened, remember, windows

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_clock_that_was_away_makes_up_for_it(template):
    happened(template, 10, AT)
    look(ends())
    happened(template, 10, AT + 2 * WIDTH)
    more = [look(ends(4)) for _ in range(3)]
    assert more == [True, True, False]
    assert windows(begins=AT + 2 * WIDTH, template_id=0).get().tried == 10


def test_a_clock_that_was_ahead_holds_up_nothing(template):
    look(ends() + timedelta(days=1))
    happened(template, 10, AT)
    look(ends())
    assert windows(begins=AT, template_id=0).get().tried == 10


def test_of_very_many_an_even_sample_is_looked_at(template, monkeypatch):
    monkeypatch.setattr("notifier.anomalies.happened.MOST", 200)
    happened(template, 1500, AT + WIDTH / 2)
    happened(template, 500, AT + WIDTH / 2, State.FAILED, errcode=40037)
    look(ends())
    look(ends(2))
    row = windows(template_id=0).get()
    assert 150 <= row.tried <= 200
    assert row.failed / row.tried == pytest.approx(0.25, abs=0.12)
    assert row.sent == row.tried - row.failed
    assert row.is_sample


def counted(template, count, state=State.SENT):
    of = {"account_id": template.account_id, "template_id": template.pk, "shard": 0}
    for span, begins in ((Span.MINUTE, AT + 2 * MINUTE), (Span.HOUR, AT)):
        MessageCount.objects.create(span=span, begins=begins, state=state, count=count, **of)


@pytest.mark.usefixtures("little_is_looked_at")
def test_what_is_rare_beside_very_many_is_looked_at_whole(template):
    """One-time passwords beside a campaign, and another account."""
    rare, other = builders.make_template(template.account), builders.make_template()
    happened(template, 2000, AT + WIDTH / 2)
    for one in (rare, other):
        happened(one, 20, AT + WIDTH / 2)
        happened(one, 10, AT + WIDTH / 2, State.FAILED, errcode=40037)
    for one, count in ((template, 2000), (rare, 30), (other, 30)):
        counted(one, count)
    look(ends())
    look(ends(2))
    for one in (rare, other):
        row = windows(template_id=one.pk).get()
        assert (row.tried, row.failed, row.sent, row.is_sample) == (30, 10, 20, False)
    whole = windows(template_id=0, account_id=other.account_id).get()
    assert (whole.tried, whole.failed, whole.is_sample) == (30, 10, False)
    busy = windows(template_id=0, account_id=template.account_id).get()
    assert busy.is_sample
    assert busy.failed < 10  # not those of the rare one, which would be too many


@pytest.mark.usefixtures("little_is_looked_at")
def test_what_is_rare_and_all_put_back_for_another_attempt_is_looked_at(template):
    """Nothing of it is settled, nor has an errcode; and most of it waits for its first attempt."""
    rare = builders.make_template(template.account)
    happened(template, 2000, AT + WIDTH / 2)
    back = {"errcode": None, "reason": "retry", "duration_ms": 5000}
    tried = happened(rare, 30, AT + WIDTH / 2, State.QUEUED, **back)
    Message.objects.filter(pk__in=[one.pk for one in tried]).update(attempts=1)
    builders.copies(builders.make_message(rare), 60)
    counted(template, 2000)
    counted(rare, 91, ACCEPTED)
    look(ends())
    row = windows(template_id=rare.pk).get()
    assert (row.tried, row.failed, row.is_sample) == (30, 30, False)


@pytest.mark.usefixtures("little_is_looked_at")
def test_of_what_is_rare_but_more_than_is_looked_at_it_is_said(template):
    rare = builders.make_template(template.account)
    happened(template, 2000, AT + WIDTH / 2)
    happened(rare, 60, AT + WIDTH / 2)
    counted(template, 2000)
    counted(rare, 60)
    look(ends())
    row = windows(template_id=rare.pk).get()
    assert 50 <= row.tried < 60
    assert row.is_sample


@pytest.fixture
def little_is_looked_at(monkeypatch):
    """Few events, and of rare templates few messages; those of the tests are accepted now, and not
    at AT."""
    monkeypatch.setattr("notifier.anomalies.happened.MOST", 200)
    monkeypatch.setattr("notifier.anomalies.happened.OWN", 50)
    since = timezone.now() - AT
    monkeypatch.setattr(
        "notifier.anomalies.happened.first_id_at", lambda moment: first_id_at(moment + since)
    )


def test_of_a_sample_it_is_said(template, service, monkeypatch):
    monkeypatch.setattr("notifier.anomalies.happened.MOST", 200)
    builders.make_endpoint(service)
    remember(template.account_id, template.pk)
    happened(template, 2000, AT + WIDTH / 2, State.FAILED, errcode=40037)
    look(ends())
    one = Anomaly.objects.get()
    assert in_words(one).startswith("failures 100 % of a sample of ")
    (entry,) = OutboxEntry.objects.all()
    assert entry.about["data"]["is_sample"] is True


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
