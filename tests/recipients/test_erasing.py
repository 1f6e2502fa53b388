"""An erased person: nothing of them is found in the database, and figures stay."""

import threading
from contextlib import suppress

import pytest
from django.apps import apps
from django.contrib.admin.models import ADDITION, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction

from notifier.intake.accept import Origin
from notifier.intake.bulk import Batch, Draft, accept_many
from notifier.intake.errors import Rejected
from notifier.models import (
    CampaignRow,
    FallbackSend,
    Message,
    Push,
    Recipient,
    RecipientGroup,
    State,
    Suppression,
)
from notifier.recipients import erasing
from notifier.recipients.directory import Address
from notifier.recipients.erasing import EMPTY_PAYLOAD, InTheAir, effect, erase
from notifier.recipients.phones import phone_hash
from templates_app import sendable
from tests import builders
from tests.campaigns.campaigning import make_campaign
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
TRACES = ("oERASEME", "u-erase", "李雷雷", "li@erase.example", "uERASE", "A-SECRET-1", "m-secret")
TRACES += (phone_hash("13800000001"), "138****0001", "a-secret-city")


@pytest.fixture
def template():
    return builders.make_template()


@pytest.fixture
def person(template):
    person = builders.make_recipient(
        template.account,
        openid=builders.openid().replace("oTEST", "oERASEME"),
        user_id="u-erase",
        name="李雷雷",
        email="li@erase.example",
        unionid="uERASE",
        phone_hash=phone_hash("13800000001"),
        phone_shown="138****0001",
        attributes={"city": "a-secret-city"},
    )
    person.groups.add(RecipientGroup.objects.create(account=template.account, name="g"))
    Suppression.objects.create(
        recipient=person, template=builders.make_template(template.account), since=builders.now()
    )
    Push.objects.create(
        account=template.account,
        key="k",
        event="subscribe",
        openid=person.openid,
        happened_at=builders.now(),
        received_at=builders.now(),
    )
    return person


def message_to(person, template, **values):
    message = builders.make_message(
        template,
        person,
        data=builders.DATA | {"order_no": "A-SECRET-1"},
        metadata={"note": "m-secret"},
        origin=Origin(requested_by="li"),
    )
    return builders.set_message(message, **values)


def stored():
    """Every value of every row, as one text."""
    models = [one for one in apps.get_app_config("notifier").get_models() if one._meta.managed]
    return "".join(str(list(model.objects.values())) for model in models)


def test_nothing_of_the_person_is_left(person, template):
    message_to(person, template, state=State.DELIVERED)
    before = stored()
    assert [one for one in TRACES if one not in before] == []
    erase(person)
    after = stored()
    assert [one for one in TRACES if one in after] == []


def test_djangos_own_history_keeps_no_name(person, django_user_model):
    kind = ContentType.objects.get_for_model(person)
    history = LogEntry.objects.create(
        user=django_user_model.objects.create_user("li"),
        content_type=kind,
        object_id=str(person.pk),
        object_repr=person.user_id,
        action_flag=ADDITION,
    )
    erase(person)
    history.refresh_from_db()
    assert person.user_id not in history.object_repr


def test_nor_does_that_of_their_suppressions(person, template, django_user_model):
    """Another person's stays as it is, though both are called alike."""
    Recipient.objects.filter(pk=person.pk).update(name="")
    person.refresh_from_db()
    other = builders.make_recipient(template.account, name="李明明", user_id="u-other")
    Recipient.objects.filter(pk=person.pk).update(name="李雷雷")
    user = django_user_model.objects.create_user("li")
    kind = ContentType.objects.get_for_model(Suppression)
    of_person, of_other = (
        LogEntry.objects.create(
            user=user,
            content_type=kind,
            object_id="7",
            object_repr=str(Suppression(recipient=one, template=template)),
            action_flag=DELETION,
        )
        for one in (person, other)
    )
    before = of_other.object_repr
    assert person.user_id in of_person.object_repr
    erase(person)
    of_person.refresh_from_db()
    of_other.refresh_from_db()
    assert person.user_id not in of_person.object_repr
    assert of_person.object_repr.endswith(f" · {template}")
    assert of_other.object_repr == before


def test_states_and_times_of_messages_stay(person, template):
    message = message_to(person, template, state=State.DELIVERED, sent_at=builders.now())
    kept = (message.state, message.sent_at, message.created_at, message.recipient_id)
    erase(person)
    message.refresh_from_db()
    assert (message.state, message.sent_at, message.created_at, message.recipient_id) == kept
    assert (message.payload, message.metadata) == (EMPTY_PAYLOAD, {})


def test_what_waits_is_cancelled_and_says_so(person, template):
    message = message_to(person, template)
    FallbackSend.objects.create(
        message=message, cause="expiry", created_at=builders.now(), due_at=builders.now()
    )
    assert effect(person).waiting == 1
    erase(person)
    message.refresh_from_db()
    assert message.state == State.CANCELLED
    assert message.events.get().state == State.CANCELLED
    assert FallbackSend.objects.get().due_at is None


def test_a_message_in_the_air_is_waited_for(person, template):
    waiting = message_to(person, template)
    message_to(person, template, state=State.SENDING)
    with pytest.raises(InTheAir):
        erase(person)
    person.refresh_from_db()
    waiting.refresh_from_db()
    assert (person.name, waiting.state) == ("李雷雷", State.QUEUED)


def test_nobody_sends_to_an_erased_person(person, template):
    erase(person)
    for to in (Address(openid=f"erased-{person.pk}"), Address(user="u-erase")):
        with pytest.raises(Rejected):
            builders.make_message(template, person, to=to)


def test_others_keep_theirs(person, template):
    other = builders.make_recipient(template.account, name="韩梅梅")
    message = message_to(other, template)
    erase(person)
    message.refresh_from_db()
    assert message.state == State.QUEUED
    assert Recipient.objects.get(pk=other.pk).name == "韩梅梅"


def while_erasing(person, store):
    """`store()` in a transaction that goes on until the erasing is over, or waits for it."""
    is_stored, is_over = threading.Event(), threading.Event()

    def storing():
        with transaction.atomic():
            store()
            is_stored.set()
            is_over.wait(0.7)
            CampaignRow.objects.filter(recipient=person).update(problem="noted")

    def erase_then_tell():
        is_stored.wait(5)
        erase(person)
        is_over.set()

    at_once(2, lambda number: (storing, erase_then_tell)[number]())


def in_bulk(person, template):
    now = builders.now()
    batch = Batch(sendable.sendable(template.code), Origin(), now)
    lifetime = now.replace(year=now.year + 1)
    accept_many(batch, [Draft(person.pk, builders.DATA, now, lifetime)])


def alone(person, template):
    builders.make_message(template, person)


@pytest.mark.parametrize("daily_cap", [0, 5])
@pytest.mark.parametrize("store", [in_bulk, alone])
def test_a_message_that_is_not_yet_committed_is_waited_for(person, template, store, daily_cap):
    type(template).objects.update(daily_cap=daily_cap)
    sendable.memory.forget()
    row = CampaignRow.objects.create(
        campaign=make_campaign(template), number=1, recipient=person, data={"name": "李雷雷"}
    )
    while_erasing(person, lambda: store(person, template))
    message = Message.objects.get()
    assert (message.state, message.payload) == (State.CANCELLED, EMPTY_PAYLOAD)
    row.refresh_from_db()
    assert (row.problem, row.data) == ("noted", {})
    assert not [one for one in TRACES if one in stored()]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.parametrize(
    ("state", "ends"), [(State.QUEUED, State.CANCELLED), (State.SENDING, State.SENDING)]
)
def test_a_message_that_was_accepted_in_the_midst_of_it_is_seen(
    person, template, monkeypatch, state, ends
):
    """Of one that is with a worker already nothing is erased yet."""
    empty = erasing._empty_messages

    def then_another(recipient):
        count = empty(recipient)
        if not made:
            made.extend(at_once(1, lambda _number: message_to(person, template, state=state)))
        return count

    made = []
    monkeypatch.setattr(erasing, "_empty_messages", then_another)
    with suppress(InTheAir):
        erase(person)
    person.refresh_from_db()
    message = Message.objects.get()
    assert message.state == ends
    is_erased = ends is State.CANCELLED
    assert ((person.name, message.payload) == ("", EMPTY_PAYLOAD)) is is_erased
    assert (person.name == "李雷雷") is not is_erased
