"""The breaker, made to open and close on the simulated WeChat."""

from django.utils import timezone

from notifier.dispatch.lanes import redis
from notifier.dispatch.waiting import waiting
from notifier.models import (
    FallbackSend,
    Message,
    Reason,
    State,
)
from templates_app.models import MessageTemplate
from tests import builders
from tests.dispatch.conftest import condition, fault, total, work_again

# Breaker


def test_a_broken_account_is_asked_once_and_everything_waits(platform, work):
    fault(platform, errcode=48001, times=1000)
    builders.copies(platform.message(), 49)
    platform.simulator.control("POST", "/latency", {"median_ms": 0})
    work()
    for _ in range(5):
        work_again(work)
    asked = total(attempts__gt=0)
    assert asked <= 16  # what was in the air when the first answer came
    assert total(state=State.QUEUED, reason=Reason.ACCOUNT) == 50
    assert condition(platform).cause.startswith("errcode 48001")
    waits = waiting(Message.objects.latest("id"), timezone.now())
    assert (waits.reason, waits.since) == (Reason.ACCOUNT, condition(platform).open_since)


def test_the_probe_after_the_mending_sets_everything_going(platform, work):
    fault(platform, errcode=48001, times=1)
    builders.copies(platform.message(), 30)
    platform.account.max_per_second = None
    work()
    assert condition(platform).open_since is not None
    platform.account.save()  # the operator mends it
    for _ in range(12):
        Message.objects.filter(state=State.QUEUED).update(due_at=timezone.now())
        work_again(work)
        if total(state=State.SENT) == 31:
            break
        redis().hset(f"hongyan:gate:{platform.account.pk}", "tokens", 20)  # a second later
    assert total(state=State.SENT) == 31
    assert condition(platform).open_since is None


def test_five_answers_that_never_come_open_the_breaker_and_the_log_says_so_once(
    platform, work, caplog
):
    fault(platform, http_status=500, times=1000)
    for _ in range(5):
        platform.message()
        work()
    assert condition(platform).open_since is not None
    assert caplog.text.count("is stopped, and probed (no usable answer)") == 1


def test_failures_in_a_row_stop_the_calls_at_once(platform, work):
    """Each call more brings one more message into doubt."""
    fault(platform, http_status=502, times=10_000)
    builders.copies(platform.message(), 999)
    work()
    assert total(in_doubt_since__isnull=False) <= 16 + 5  # what was in the air, and the five
    assert condition(platform).open_since is not None


def test_a_person_who_left_after_an_unanswered_call_may_have_the_message(platform, work):
    fault(platform, action="reset", times=1)
    message = platform.message()
    MessageTemplate.objects.update(fallback="email", fallback_on_refusal=True)
    work()
    follow = {"appid": platform.account.appid, "openid": message.openid, "subscribe": False}
    platform.simulator.control("POST", "/follow", follow)
    Message.objects.update(due_at=timezone.now())
    work_again(work)
    message.refresh_from_db()
    assert (message.state, message.errcode) == (State.UNKNOWN, 43004)
    assert not FallbackSend.objects.exists()
    assert platform.counters()["delivered"] == 1


def test_refused_people_are_no_failure_of_the_account(platform, work):
    for _ in range(6):
        platform.message(openid := builders.openid())
        follow = {"appid": platform.account.appid, "openid": openid, "subscribe": False}
        platform.simulator.control("POST", "/follow", follow)
    work()
    assert total(state=State.FAILED, errcode=43004) == 6
    assert condition(platform).open_since is None


def test_a_mended_secret_is_tried_at_once(platform, work):
    """Though the token call was refused a moment ago, and nobody repeats that for five seconds."""
    message = platform.message()
    people = [message.openid]
    platform.configure(secret="f" * 32, followers=people)
    work()
    assert condition(platform).cause.startswith("errcode 40125")
    platform.configure(followers=people)
    platform.account.save()  # the operator mends it
    Message.objects.update(due_at=timezone.now())
    work_again(work)
    message.refresh_from_db()
    assert message.state == State.SENT
