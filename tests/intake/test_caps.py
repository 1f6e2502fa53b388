"""What a template's operator allows one person."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone
from redis.client import Pipeline

from notifier.intake import accept, caps
from notifier.intake.accept import Origin
from notifier.intake.errors import Rejected
from templates_app import sendable
from tests import builders
from tests.threads import at_once


@pytest.fixture
def recipient(transactional_db):
    return builders.make_recipient(builders.make_account())


def template(recipient, **values):
    made = builders.make_template(recipient.account)
    type(made).objects.filter(pk=made.pk).update(**values)
    sendable.memory.forget()
    return made


def code_of(call):
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.faults[0].code


def test_the_same_text_is_refused_within_the_time(recipient):
    once = template(recipient, dedup_seconds=60)
    builders.make_message(once, recipient)
    assert code_of(lambda: builders.make_message(once, recipient)) == "duplicate"
    builders.make_message(once, recipient, data=builders.DATA | {"product": "茶"})
    builders.make_message(once, builders.make_recipient(recipient.account))


def test_of_two_at_the_same_moment_one_is_accepted(recipient):
    once = template(recipient, dedup_seconds=60)

    def send(_number):
        try:
            return bool(builders.make_message(once, recipient))
        except Rejected:
            return False

    assert sum(at_once(4, send)) == 1


def test_what_could_not_be_stored_is_no_double(recipient, monkeypatch):
    once = template(recipient, dedup_seconds=60)

    def fail(*_args, **_kwargs):
        raise DatabaseError

    with monkeypatch.context() as broken:
        broken.setattr(accept, "store", fail)
        with pytest.raises(DatabaseError):
            builders.make_message(once, recipient)
    assert builders.make_message(once, recipient).pk


def test_without_redis_nobody_is_held_back(recipient, dead_redis):
    once = template(recipient, dedup_seconds=60)
    for _ in range(2):
        assert builders.make_message(once, recipient).pk


def test_so_many_a_day(recipient):
    capped = template(recipient, daily_cap=2)
    first = builders.make_message(capped, recipient)
    builders.make_message(capped, recipient)
    assert code_of(lambda: builders.make_message(capped, recipient)) == "daily_cap"
    builders.set_message(first, created_at=timezone.now() - caps.DAY - timedelta(seconds=1))
    assert builders.make_message(capped, recipient).pk


def test_of_many_at_the_same_moment_no_more_than_the_cap_are_accepted(recipient):
    capped = template(recipient, daily_cap=2)

    def send(_number):
        try:
            return bool(builders.make_message(capped, recipient))
        except Rejected:
            return False

    assert sum(at_once(6, send)) == 2


def test_a_mark_whose_answer_was_lost_is_ours(recipient, monkeypatch):
    """redis-py repeats commands whose connection broke: the second SET NX finds our own mark."""
    once = template(recipient, dedup_seconds=60)
    real = Pipeline.execute

    def repeated(pipe):
        commands = list(pipe.command_stack)
        real(pipe)
        pipe.command_stack = commands
        return real(pipe)

    with monkeypatch.context() as broken:
        broken.setattr(Pipeline, "execute", repeated)
        assert builders.make_message(once, recipient).pk
    assert code_of(lambda: builders.make_message(once, recipient)) == "duplicate"


def test_anothers_mark_is_not_taken_back(recipient):
    once = template(recipient, dedup_seconds=60)
    mark = caps.Mark("hongyan:double:x", "mine|")
    caps.redis().set(mark.key, "another|")
    caps.take_back([mark])
    assert caps.redis().get(mark.key) == b"another|"
    assert builders.make_message(once, recipient).pk


def test_a_request_is_no_double_of_itself(recipient):
    """The same request in another process, which has stored its message and not yet committed:
    its mark is there, its row is not."""
    once = template(recipient, dedup_seconds=60)
    origin = Origin(client=builders.make_client(), idempotency_key="k", request_digest="d")
    first = builders.make_message(once, recipient, origin=origin)
    first.delete()
    assert builders.make_message(once, recipient, origin=origin).pk
    other = Origin(client=origin.client, idempotency_key="k2", request_digest="d")
    assert code_of(lambda: builders.make_message(once, recipient, origin=other)) == "duplicate"


def test_a_replay_leaves_the_mark_of_the_first(recipient):
    once = template(recipient, dedup_seconds=60)
    origin = Origin(client=builders.make_client(), idempotency_key="k", request_digest="d")
    first = builders.make_message(once, recipient, origin=origin)
    assert builders.make_message(once, recipient, origin=origin) == first
    assert code_of(lambda: builders.make_message(once, recipient)) == "duplicate"


def test_without_a_cap_nothing_is_asked(recipient, django_assert_num_queries):
    free = template(recipient)
    builders.make_message(free, recipient)
    with django_assert_num_queries(1):
        builders.make_message(free, recipient)
