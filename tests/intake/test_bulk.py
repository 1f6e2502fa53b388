"""Many messages of one template at once are judged as if they came one after the other."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notifier import metrics
from notifier.intake import bulk
from notifier.intake.accept import Origin
from notifier.intake.bulk import Batch, Draft, accept_many, faults_of
from notifier.models import Message, Recipient
from templates_app import sendable
from templates_app.models import MessageTemplate
from tests import builders

pytestmark = pytest.mark.django_db(transaction=True)
TEA, OTHER, THIRD = (builders.DATA | {"product": product} for product in ("茶", "酒", "米"))


@pytest.fixture
def person():
    return builders.make_recipient(builders.make_account())


@pytest.fixture
def batch(person):
    """Of a template with these caps."""

    def make(**caps):
        template = builders.make_template(person.account)
        MessageTemplate.objects.filter(pk=template.pk).update(**caps)
        sendable.memory.forget()
        return Batch(sendable.sendable(template.code), Origin(), timezone.now())

    return make


def draft(person, data=TEA, **values):
    now = timezone.now()
    return Draft(person.pk, data, now, now + timedelta(days=1), **values)


def told(batch, drafts):
    """Each one's code; empty: it was accepted."""
    with transaction.atomic():
        outcomes = accept_many(batch, drafts)
    return [one[0].code if isinstance(one, tuple) else "" for one in outcomes]


def test_a_double_counts_for_nothing(person, batch):
    capped = batch(daily_cap=2, dedup_seconds=60)
    drafts = [draft(person, data) for data in (TEA, TEA, OTHER, OTHER, THIRD, THIRD)]
    assert told(capped, drafts) == ["", "duplicate", "", "duplicate", "daily_cap", "daily_cap"]
    assert told(capped, drafts[2:3]) == ["duplicate"]


def test_what_was_too_many_is_no_double_tomorrow(person, batch):
    capped = batch(daily_cap=1, dedup_seconds=60)
    assert told(capped, [draft(person, TEA), draft(person, OTHER)]) == ["", "daily_cap"]
    Message.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert told(capped, [draft(person, OTHER)]) == [""]


def test_what_is_to_be_sent_again_is_no_double(person, batch, monkeypatch):
    once = batch(dedup_seconds=60)

    def changes(*args):
        people.update(state="unfollowed")
        stored = store_many(*args)
        people.update(state="following")
        return stored

    people, store_many = Recipient.objects.filter(pk=person.pk), bulk.store_many
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "store_many", changes)
        assert told(once, [draft(person)]) == ["changed"]
    assert told(once, [draft(person)]) == [""]


def test_whether_each_alone_would_be_accepted(person, batch):
    capped = batch(daily_cap=1)
    assert faults_of(capped, [draft(person), draft(person)]) == [(), ()]
    told(capped, [draft(person)])
    assert faults_of(capped, [draft(person)])[0][0].code == "daily_cap"


def test_what_is_rolled_back_is_not_counted_as_accepted(person, batch):
    free = batch()
    count = metrics.accepted.labels(person.account_id, free.priority.word)
    metrics.later.tell()
    before = count._value.get()
    with transaction.atomic():
        accept_many(free, [draft(person)])
        transaction.set_rollback(True)
    metrics.later.tell()
    assert count._value.get() == before
    told(free, [draft(person), draft(person)])
    metrics.later.tell()
    assert count._value.get() == before + 2


@pytest.mark.parametrize(
    "given",
    [[{"a": True}, {"a": 1}], [{"a": 1}, {"a": 1.0}], [{"a": [0]}, {"a": [False]}], [{}, {}]],
)
def test_each_keeps_its_own_metadata(person, batch, given):
    with transaction.atomic():
        made = accept_many(batch(), [draft(person, metadata=one) for one in given])
    stored = dict(Message.objects.values_list("pk", "metadata"))
    assert [repr(stored[pk]) for pk in made] == [repr(one) for one in given]
