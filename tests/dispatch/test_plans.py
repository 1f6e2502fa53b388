"""PostgreSQL's plans while its statistics are of a quiet hour, and then a campaign comes."""

import pytest
from django.db import connection, transaction
from django.db.models import CharField
from django.db.models.functions import Cast
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifier.dispatch import sql as statements
from notifier.dispatch import sweep
from notifier.dispatch.claim import claim
from notifier.dispatch.clock import oldest_due
from notifier.dispatch.recovery import return_expired_leases
from notifier.intake.idempotency import earlier_messages, first_message
from notifier.models import Message, State
from tests import builders
from tests.dispatch.conftest import lane_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite keeps no statistics"),
]


@pytest.fixture
def campaign_after_a_quiet_hour(message):
    """A table of which the statistics say that nothing waits, and then two thousand do."""
    builders.copies(message, 2_000)
    Message.objects.update(state=State.SENT)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notifier_message")
    message.refresh_from_db()
    message.state = State.QUEUED
    builders.copies(message, 2_000)
    return lane_of(message)


def plans(function, *arguments, begin="SELECT"):
    """Of its statements that read messages, as EXPLAIN writes them."""
    with CaptureQueriesContext(connection) as queries:
        function(*arguments)
    found = [one["sql"] for one in queries.captured_queries]
    chosen = [sql for sql in found if sql.startswith(begin) and "notifier_message" in sql]
    assert chosen
    with transaction.atomic(), connection.cursor() as cursor:
        for sql in found:
            if sql.startswith("SET LOCAL"):
                cursor.execute(sql)
        for sql in chosen:
            cursor.execute(f"EXPLAIN {sql}")
            yield "\n".join(row[0] for row in cursor.fetchall())


def test_a_claim_reads_the_rows_it_takes(campaign_after_a_quiet_hour):
    lane, now = campaign_after_a_quiet_hour, timezone.now()
    last = claim(lane, 10, now).last
    for after in (None, last):
        (plan,) = plans(claim, lane, 10, now, False, after)
        assert "message_due" in plan
        assert "Sort" not in plan


@pytest.mark.parametrize("known", [1, 7])
@pytest.mark.parametrize("sent", [0, 50])
def test_a_claim_reads_the_rows_it_takes_whatever_is_believed_to_wait(message, known, sent):
    """Statistics of a moment at which a few messages waited."""
    builders.copies(message, sent)
    Message.objects.update(state=State.SENT)
    message.refresh_from_db()
    message.state = State.QUEUED
    builders.copies(message, known)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notifier_message")
    builders.copies(message, 2_000)
    lane, now = lane_of(message), timezone.now()
    last = claim(lane, 10, now).last
    for after in (None, last):
        (plan,) = plans(claim, lane, 10, now, False, after)
        assert "message_due" in plan
        assert "Sort" not in plan


def test_the_clock_looks_at_the_first_row_of_each_lane(campaign_after_a_quiet_hour):
    (plan,) = plans(oldest_due, timezone.now())
    assert plan.count("using message_due") == 3


def test_the_clock_reads_only_what_is_over(campaign_after_a_quiet_hour):
    works = (sweep.tick, sweep.repeat_doubtful, return_expired_leases)
    found = [plan for work in works for plan in plans(work, timezone.now())]
    doubt = ("message_doubt",) * 2
    used = ("message_expiry", "message_expiry", *doubt, "message_leases")
    for plan, index in zip(found, used, strict=True):
        assert f"using {index}" in plan
        assert "Sort" not in plan


@pytest.mark.parametrize("others", [0, 2_000])
@pytest.mark.parametrize("is_analyzed", [True, False])
def test_a_key_is_looked_up_among_keys_however_new_its_service_is(message, others, is_analyzed):
    """Statistics of a moment before the service's first message: they take those for a handful. Or
    none: PostgreSQL takes a hundred keys for those of half of all messages."""
    message.client = builders.make_client()
    builders.copies(message, others)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notifier_message")
        if not is_analyzed:
            cursor.execute("DELETE FROM pg_statistic WHERE starelid = 'notifier_message'::regclass")
    message.client = builders.make_client()
    builders.copies(message, 2_000)
    Message.objects.update(idempotency_key=Cast("id", CharField()))
    keys = Message.objects.filter(client=message.client).values_list("idempotency_key", flat=True)
    some = list(keys[:100])
    assert set(earlier_messages(message.client, some)) == set(some)
    (many,) = plans(earlier_messages, message.client, some)
    one, by_id = plans(first_message, message.client, some[0], message.request_digest)
    assert "idempotency_key_once" in many
    assert "idempotency_key_once" in one
    assert "notifier_message_pkey" in by_id


def test_settling_reads_the_rows_it_settles(campaign_after_a_quiet_hour):
    """Not all that are being sent: the entries of those that were stay until a vacuum."""
    claimed = claim(campaign_after_a_quiet_hour, 200, timezone.now()).rows
    rows = [
        (one.id, one.fence, {"state": "sent", "msgid": str(n)}) for n, one in enumerate(claimed)
    ]
    (plan,) = plans(statements.update_held, rows, begin="WITH")
    assert "message_leases" not in plan
