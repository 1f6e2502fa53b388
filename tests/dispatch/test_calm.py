"""What an account, a person or a template holds up, made to happen on the simulated WeChat."""

import logging
import threading
import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from notifier.dispatch import clock, gate, holds, lanes, mended, spacing, sweep
from notifier.dispatch.gate import Limits
from notifier.dispatch.waiting import waiting
from notifier.intake.errors import Rejected
from notifier.models import (
    Message,
    Priority,
    Reason,
    State,
    Suppression,
)
from notifier.wechat.errors import Kind
from notifier.wechat.tokens import Tokens
from templates_app import sendable
from templates_app.models import MessageTemplate
from templates_app.signals import template_released
from tests import builders
from tests.dispatch.conftest import answered, claim_one, condition, fault, total, work_again
from tests.threads import at_once

# Pace and spacing


def test_a_pause_is_told_with_its_end(platform, work):
    fault(platform, errcode=45011, times=1)
    message = platform.message()
    work()
    message.refresh_from_db()
    waits = waiting(message, timezone.now())
    assert (waits.reason, waits.until) == (Reason.PACE, condition(platform).paused_until)


def test_a_slow_wechat_slows_the_account_down(platform, work):
    fault(platform, errcode=45011, times=1)
    platform.message()
    work()
    assert condition(platform).paused_until is not None
    assert condition(platform).per_second is not None


def test_the_same_person_gets_the_next_message_later(platform, work):
    platform.account.recipient_spacing = 60
    platform.account.save()
    first = platform.message()
    builders.copies(first, 1)
    work()
    (later,) = Message.objects.filter(state=State.QUEUED)
    assert (total(state=State.SENT), later.reason) == (1, Reason.SPACING)
    assert timedelta(seconds=50) < later.due_at - timezone.now() <= timedelta(seconds=60)
    assert later.attempts == 0


def test_a_person_whom_wechat_wants_left_alone_rests_for_an_hour(platform, work):
    fault(platform, errcode=43117, times=1)
    first = platform.message()
    work()
    builders.copies(first, 1)
    work_again(work)
    waits = Message.objects.filter(state=State.QUEUED, reason=Reason.SPACING)
    assert waits.get().due_at > timezone.now() + timedelta(minutes=50)


def test_the_spacing_begins_when_the_person_gets_the_message(platform, work):
    """Not when its turn was reserved: nearly a second passes until WeChat has it."""
    platform.account.recipient_spacing = 60
    platform.account.save()
    message = platform.message()
    fault(platform, action="slow", seconds=0.8, times=1)
    began = time.monotonic()
    work()
    left = lanes.redis().pttl(f"hongyan:spacing:{message.recipient_id}") / 1000
    assert left > 60 - (time.monotonic() - began) + 0.4


def test_a_message_that_was_in_the_air_ends_no_rest(message):
    claimed = claim_one(message)
    spacing.note([answered(claimed, Kind.SLOW, errcode=43117)], 60)
    spacing.note([answered(claimed)], 60)
    left = lanes.redis().pttl(f"hongyan:spacing:{message.recipient_id}")
    assert left > 3_500_000


# Quota


def test_a_used_up_quota_holds_back_all_but_urgent_messages(platform, work):
    # The urgent one is refused as well: had WeChat taken it, the others would follow at once.
    fault(platform, errcode=45009, times=2)
    platform.message()
    work()
    bulk, urgent = (
        platform.message(priority=Priority.BULK),
        platform.message(priority=Priority.URGENT),
    )
    work_again(work)
    bulk.refresh_from_db()
    urgent.refresh_from_db()
    assert (bulk.state, bulk.attempts, urgent.attempts) == (State.QUEUED, 0, 1)


def test_an_operator_who_cleared_the_quota_has_it_tried_now(platform, work):
    fault(platform, errcode=45009, times=1)
    message = platform.message()
    work()
    assert condition(platform).parked_until is not None
    mended.try_now(platform.account)
    work_again(work)
    message.refresh_from_db()
    assert (message.state, condition(platform).parked_until) == (State.SENT, None)


def test_a_quota_that_is_used_up_by_our_own_count_is_looked_up_at_wechat(platform, work):
    """The usual state of an account whose quota was cleared: WeChat itself has refused nothing."""
    account = platform.account
    account.daily_quota, account.urgent_reserve = 1_000, 0
    account.save()
    gate.ask(account.pk, 1_000, Priority.NORMAL, Limits.of(account), timezone.now())
    message = platform.message()
    work()
    message.refresh_from_db()
    assert (message.state, condition(platform).sent_today) == (State.QUEUED, 1_000)
    mended.try_now(account)
    work_again(work)
    message.refresh_from_db()
    assert (message.state, condition(platform).sent_today) == (State.SENT, 1)


# Templates


def test_a_template_that_wechat_refuses_again_and_again_is_held(platform, work):
    fault(platform, errcode=40037, times=1000)
    builders.copies(platform.message(), holds.REFUSALS - 1)
    work()
    template = MessageTemplate.objects.get(pk=platform.template.pk)
    assert template.held_since is not None
    assert template.held_because.startswith("errcode 40037")
    sendable.memory.forget()  # two seconds later
    with pytest.raises(Rejected, match="template_held"):
        platform.message()


def test_what_waits_for_a_held_template_goes_when_it_is_released(platform, work):
    message = platform.message()
    platform.template.held_since, platform.template.held_because = timezone.now(), "errcode 40037"
    platform.template.save()
    work()
    message.refresh_from_db()
    assert (message.state, message.reason, message.attempts) == (State.QUEUED, Reason.TEMPLATE, 0)
    platform.template.held_since, platform.template.held_because = None, ""
    platform.template.save()
    template_released.send(MessageTemplate, template=platform.template)
    work_again(work)
    message.refresh_from_db()
    assert message.state == State.SENT


def test_a_release_while_a_row_was_claimed_as_held_is_seen(platform, work, monkeypatch):
    """The release updates the rows that wait; this one is not waiting yet."""
    message = platform.message()
    templates = MessageTemplate.objects.filter(pk=platform.template.pk)
    templates.update(held_since=timezone.now())

    def part_then_release(*args):
        templates.update(held_since=None)
        template_released.send(MessageTemplate, template=platform.template)
        return part(*args)

    part = holds.part
    monkeypatch.setattr(holds, "part", part_then_release)
    work()
    message.refresh_from_db()
    assert message.due_at <= timezone.now()
    work_again(work)
    message.refresh_from_db()
    assert message.state == State.SENT


def test_a_release_locks_in_the_order_of_ids(platform):
    """As a campaign that is paused: each had what the other needs next."""
    later, sooner = sorted(builders.copies(platform.message(), 2), key=lambda one: one.pk)[::-1]
    # The later one lies and is due before the sooner one.
    Message.objects.exclude(pk=later.pk).delete()
    Message.objects.bulk_create([sooner])
    now = timezone.now()
    for message, due_at in ((later, now), (sooner, now + timedelta(seconds=1))):
        builders.set_message(message, reason=Reason.TEMPLATE, due_at=due_at)
    has_one = threading.Event()

    def locks(number):
        if number:
            has_one.wait(5)
            return holds.release(platform.template.pk, timezone.now())
        with transaction.atomic():
            for message in (sooner, later):
                Message.objects.select_for_update().get(pk=message.pk)
                has_one.set()
                time.sleep(0.5)
        return 2

    assert at_once(2, locks) == [2, 2]


def test_a_success_between_refusals_holds_nothing(platform, work):
    for _ in range(3):
        fault(platform, errcode=40037, times=holds.REFUSALS // 2)
        builders.copies(platform.message(), holds.REFUSALS // 2 - 1)
        work()
        platform.message()
        work()
    assert MessageTemplate.objects.get(pk=platform.template.pk).held_since is None


# Suppression


def test_a_refused_template_is_refused_at_intake_and_others_are_not(platform, work):
    fault(platform, errcode=43101, times=1)
    recipient = platform.message().recipient
    work()
    assert Suppression.objects.get().recipient == recipient
    with pytest.raises(Rejected, match="recipient_refuses_template"):
        builders.make_message(platform.template, recipient)
    other = builders.make_template(platform.account)
    assert builders.make_message(other, recipient).state == State.QUEUED


# Time runs out behind a closed gate


def test_messages_expire_while_the_account_is_stopped(platform, work):
    gate.tell(
        platform.account.pk,
        gate.Report(cause="errcode 50002: user limited"),
        gate.Limits(0, 0, 0),
        timezone.now(),
    )
    message = platform.message()
    builders.set_message(message, expires_at=timezone.now())
    clock.tick(timezone.now())
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.EXPIRED, 0)


def test_doubt_ends_as_unknown_while_the_account_is_stopped(platform, caplog):
    message = platform.message()
    builders.set_message(message, in_doubt_since=timezone.now() - timedelta(seconds=571))
    with caplog.at_level(logging.INFO, logger="notifier.dispatch.sweep"):
        sweep.tick(timezone.now())
    message.refresh_from_db()
    assert message.state == State.UNKNOWN
    (line,) = caplog.records
    assert line.getMessage().startswith(f"message {message.pk.hex} is unknown: WeChat may have")
    assert line.message_id == message.pk.hex


def test_messages_of_a_held_template_use_up_neither_quota_nor_probes(platform, work):
    builders.copies(platform.message(), 9)
    MessageTemplate.objects.filter(pk=platform.template.pk).update(held_since=timezone.now())
    work()
    assert condition(platform).sent_today == 0
    assert total(reason=Reason.TEMPLATE) == 10


def test_a_redis_that_hangs_is_no_fault_of_wechats(platform, work, monkeypatch):
    message = platform.message()

    def hang(*_args, **_kwargs):
        raise TimeoutError

    with monkeypatch.context() as broken:
        broken.setattr(Tokens, "_cached", hang)
        work()
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.QUEUED, 0)
    assert condition(platform).open_since is None
