"""The one statement of accepting, and the connection that was kept for it."""

from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from notifier.intake import accept
from notifier.intake.accept import Origin
from notifier.intake.errors import Changing, Rejected
from notifier.models import Message, RecipientState, Suppression
from notifier.models.ids import new_message_id
from notifier.recipients.directory import Address
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)
needs_a_server = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has no server"
)


@pytest.fixture
def template():
    return builders.make_template()


@pytest.fixture
def recipient(template):
    return builders.make_recipient(template.account, user_id="u-1")


def codes(call):
    with pytest.raises(Rejected) as caught:
        call()
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_the_recipient_is_found_by_the_statement(template, recipient, django_assert_num_queries):
    builders.make_message(template, recipient)
    with django_assert_num_queries(1):
        message = builders.make_message(template, recipient)
    assert message.recipient_id == recipient.pk
    assert Message.objects.get(pk=message.pk).recipient_id == recipient.pk


def test_by_the_services_own_id(template, recipient):
    message = builders.make_message(template, recipient, to=Address(user="u-1"))
    assert Message.objects.get(pk=message.pk).openid == recipient.openid


def test_of_another_account_nobody_is_found(template):
    stranger = builders.make_recipient(builders.make_account())
    assert codes(lambda: builders.make_message(template, stranger)) == [
        ("/to", "unknown_recipient")
    ]
    assert not Message.objects.exists()


@pytest.mark.parametrize("state", set(RecipientState) - {RecipientState.FOLLOWING})
def test_who_refuses_is_told_with_all_other_faults(template, state):
    person = builders.make_recipient(template.account, state=state)
    data = builders.DATA | {"at": "soon"}
    assert codes(lambda: builders.make_message(template, person, data=data)) == [
        ("/to", f"recipient_{state}"),
        ("/data/at", "wrong_time"),
    ]


def test_who_refused_while_it_was_checked_gets_nothing(template, recipient, monkeypatch):
    """Between the rendering and the INSERT."""

    def refuse_then_store(*args):
        Suppression.objects.create(recipient=recipient, template=template, since=builders.now())
        return store(*args)

    store = accept.store
    monkeypatch.setattr(accept, "store", refuse_then_store)
    assert codes(lambda: builders.make_message(template, recipient)) == [
        ("/to", "recipient_refuses_template")
    ]


def test_who_comes_back_while_it_was_refused_gets_it(template, recipient, monkeypatch):
    suppression = Suppression.objects.create(
        recipient=recipient, template=template, since=builders.now()
    )

    def store_then_release(*args):
        stored = store(*args)
        Suppression.objects.filter(pk=suppression.pk).delete()
        return stored

    store = accept.store
    monkeypatch.setattr(accept, "store", store_then_release)
    assert Message.objects.filter(pk=builders.make_message(template, recipient).pk).exists()


@needs_a_server
@pytest.mark.parametrize("address", ["openid", "user"])
def test_a_connection_that_died_while_it_was_kept_is_replaced(template, recipient, address):
    to = Address(user="u-1") if address == "user" else Address(openid=recipient.openid)
    builders.make_message(template, recipient)  # template and version are in memory
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    killer = connection.copy()
    with killer.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
    killer.close()
    assert builders.make_message(template, recipient, to=to).pk
    assert Message.objects.count() == 2


def plans():
    """What this connection has prepared: the statement, and how often it was not planned anew."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans FROM pg_prepared_statements")
        return [row for row in cursor.fetchall() if "INSERT INTO notifier_message " in row[0]]


@needs_a_server
def test_it_is_planned_once_for_a_connection(template, recipient):
    for _ in range(10):
        builders.make_message(template, recipient)
    [(_statement, spared)] = plans()
    assert spared >= 4  # PostgreSQL plans the first five anew, and compares
    with suppress(ValueError), transaction.atomic():
        builders.make_message(template, recipient)
        raise ValueError  # after a rollback the driver prepares it again
    for _ in range(3):
        builders.make_message(template, recipient)
    assert Message.objects.count() == 13
    assert len(plans()) == 1


@needs_a_server
def test_what_fails_leaves_nothing_at_the_server(template, recipient):
    """A service repeats a request on connections that have accepted nothing yet."""
    origin = Origin(client=builders.make_client(), idempotency_key="k-1", request_digest="d")
    first = builders.make_message(template, recipient, origin=origin)
    connection.close()
    for _ in range(5):
        assert builders.make_message(template, recipient, origin=origin) == first
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)


@needs_a_server
def test_behind_an_old_pooler_nothing_is_prepared(template, recipient, settings):
    connection.close()
    settings.DATABASE_PREPARED_STATEMENTS = False
    builders.make_message(template, recipient)
    assert plans() == []


@contextmanager
def broken_after_the_insert(then=lambda: None):
    """The statement was carried out, its answer is lost; `then` happens before it is repeated."""
    broken = []

    def run(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "INSERT INTO notifier_message " in sql and not broken:
            broken.append(True)
            then()
            connection.connection.close()
            raise OperationalError("server closed the connection unexpectedly")
        return result

    with connection.execute_wrapper(run):
        yield
    assert broken


@needs_a_server
def test_a_message_whose_answer_was_lost_is_stored_once(template, recipient):
    with broken_after_the_insert():
        message = builders.make_message(template, recipient)
    assert Message.objects.get().pk == message.pk


@needs_a_server
def test_stored_before_the_break_and_refused_since_is_stored(template, recipient):
    """The repetition finds nobody who follows, but the message is there and will be sent."""
    people = type(recipient).objects
    builders.make_message(template, recipient)  # the connection is a kept one
    with broken_after_the_insert(lambda: people.update(state=RecipientState.UNFOLLOWED)):
        message = builders.make_message(template, recipient)
    assert Message.objects.filter(pk=message.pk).exists()


@needs_a_server
def test_a_server_that_is_read_only_since_a_failover_is_left(template, recipient):
    """The kept connection still works, for reading; a new one leads to the new primary."""
    builders.make_message(template, recipient)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")  # of this connection alone
    assert builders.make_message(template, recipient).pk


def test_a_client_that_is_gone_is_told_to_ask_again(template, recipient):
    client = builders.make_client()
    client_id = client.pk
    client.delete()
    client.pk = client_id
    with pytest.raises(Changing):
        builders.make_message(template, recipient, origin=Origin(client=client))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_refusal_holds_until_its_end(template, recipient, hours):
    ends = builders.now() + timedelta(hours=hours)
    Suppression.objects.create(
        recipient=recipient, template=template, since=builders.now(), until=ends
    )
    if hours < 0:
        assert builders.make_message(template, recipient).recipient_id == recipient.pk
    else:
        refused = codes(lambda: builders.make_message(template, recipient))
        assert refused == [("/to", "recipient_refuses_template")]
        assert not Message.objects.exists()


def test_a_fresh_message_is_as_django_makes_it():
    now = timezone.now()
    columns = {"id": new_message_id(), "metadata": {"a": 1}, "client_id": 7, "created_at": now}
    ours, theirs = vars(Message.fresh(**columns)), vars(Message(**columns))
    states = [one.pop("_state") for one in (ours, theirs)]
    assert ours == theirs
    assert [(one.adding, one.db) for one in states] == [(True, None)] * 2
