"""The same text once more, as a message of its own."""

from collections import Counter

import orjson
import pytest
from django.utils import timezone

from notifier import metrics
from notifier.dispatch.lanes import Lane, queue, redis
from notifier.dispatch.repair import Fate, retry
from notifier.intake.accept import Origin
from notifier.intake.resend import resend
from notifier.models import Message, Priority, RecipientState, State
from notifier.recipients.erasing import erase
from templates_app import sendable
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def failed():
    origin = Origin(client=builders.make_client(), idempotency_key="k")
    return builders.set_message(
        builders.make_message(origin=origin, metadata={"order": 7}), state=State.FAILED
    )


def test_the_copy_is_a_message_of_its_own(failed):
    fates, made = resend([failed.pk], "ann", timezone.now())
    copy = Message.objects.get(pk=made[0])
    assert fates == Counter({Fate.GOES: 1})
    assert (copy.state, copy.requested_by, copy.client) == (State.QUEUED, "ann", failed.client)
    assert copy.idempotency_key is None
    assert copy.metadata == {"order": 7, "resend_of": failed.id.hex}
    first, second = orjson.loads(failed.payload), orjson.loads(copy.payload)
    assert second == first | {"client_msg_id": copy.id.hex}


@pytest.mark.parametrize("state", [State.SENT, State.DELIVERED, State.UNKNOWN])
def test_what_may_have_arrived_only_if_the_risk_is_taken(failed, state):
    builders.set_message(failed, state=state)
    assert resend([failed.pk], "ann", timezone.now())[0] == Counter({Fate.RISKY: 1})
    assert Message.objects.count() == 1
    assert len(resend([failed.pk], "ann", timezone.now(), with_risk=True)[1]) == 1


def test_what_is_on_its_way_is_left_alone(failed):
    builders.set_message(failed, state=State.QUEUED)
    done = resend([failed.pk], "ann", timezone.now(), with_risk=True)
    assert done == (Counter({Fate.ON_ITS_WAY: 1}), [])


def test_who_refuses_today_gets_no_copy(failed):
    type(failed.recipient).objects.update(state=RecipientState.UNFOLLOWED)
    assert resend([failed.pk], "ann", timezone.now())[0] == Counter({Fate.REFUSED: 1})


def test_a_held_template_sends_no_copy(failed):
    template = failed.version.template
    type(template).objects.update(held_since=timezone.now(), held_because="errcode 40037")
    sendable.memory.forget()
    assert resend([failed.pk], "ann", timezone.now())[0] == Counter({Fate.REFUSED: 1})


def test_it_is_counted_and_its_lane_is_woken(failed):
    queue("normal").empty()
    redis().delete(Lane(failed.account_id, Priority.NORMAL).flag)
    counter = metrics.accepted.labels(failed.account_id, "normal")
    metrics.later.tell()
    before = counter._value.get()
    resend([failed.pk], "ann", timezone.now())
    metrics.later.tell()
    assert (counter._value.get() - before, len(queue("normal"))) == (1, 1)


def test_of_an_erased_person_nothing_is_sent(failed):
    erase(failed.recipient)
    for with_risk in (False, True):
        done = resend([failed.pk], "ann", timezone.now(), with_risk=with_risk)
        assert done == (Counter({Fate.REFUSED: 1}), [])
        again = retry([failed.pk], "ann", timezone.now(), with_risk=with_risk)
        assert again == Counter({Fate.REFUSED: 1})
    failed.refresh_from_db()
    assert failed.state == State.FAILED
