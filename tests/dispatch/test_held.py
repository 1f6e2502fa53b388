"""A channel that is held: it is let go again whatever became of the call that was in the air."""

import pytest
from django.utils import timezone

from notifier.dispatch import sender as senders
from notifier.dispatch.send import NOT_YET_WAIT, Attempt
from notifier.dispatch.sender import sender
from notifier.models import Message, MessageEvent, Priority, Reason, State
from tests import builders
from tests.dispatch.conftest import condition, fault, hurry, total, work_again


@pytest.fixture
def nothing_tried(monkeypatch):
    """The call finds its time over, and while it was in the air the gate said "open"."""

    async def attempt(_client, claimed, _seconds):
        sender()._hold(claimed.lane.account_id, 0.0)
        return Attempt(claimed, None)

    with monkeypatch.context() as patched:
        patched.setattr(senders, "attempt", attempt)
        yield patched


def test_a_call_that_was_not_made_after_all_holds_nothing_up(platform, work, nothing_tried):
    first = platform.message()
    work()
    first.refresh_from_db()
    assert (first.state, first.attempts) == (State.QUEUED, 0)
    nothing_tried.undo()
    builders.copies(first, 9)
    work_again(work)
    assert total(state=State.SENT) == 10


def test_what_was_not_tried_counts_for_no_quota(platform, work):
    platform.configure(secret="another")
    builders.copies(platform.message(), 199)
    work()
    tried = Message.objects.filter(attempts__gt=0).count()
    assert tried < 200
    assert condition(platform).sent_today == tried


TOKEN_PATH = "/cgi-bin/stable_token"


def test_those_that_wait_for_one_token_share_its_failure(platform, work):
    """WeChat's single -1 is one failure, and stops nobody; for a moment it is not asked again, and
    nothing is tried."""
    fault(platform, errcode=-1, path=TOKEN_PATH, times=1)
    builders.copies(platform.message(), 999)
    work()
    found = condition(platform)
    assert (found.open_since, found.per_second) == (None, None)
    assert Message.objects.filter(attempts__gt=1).count() == 0
    assert timezone.now() < found.paused_until <= timezone.now() + NOT_YET_WAIT
    # All but the few whose own call it was went back untried, once.
    assert MessageEvent.objects.filter(state=State.SENDING).count() <= 1_000


def test_so_do_those_whose_token_died_and_the_next_could_not_be_had(platform, work):
    platform.message()
    work()
    platform.simulator.control("POST", "/kill-token", {"appid": platform.account.appid})
    fault(platform, errcode=-1, path=TOKEN_PATH, times=1)
    builders.copies(platform.message(), 49)
    work()
    found = condition(platform)
    assert (found.open_since, found.per_second) == (None, None)


def test_a_token_that_cannot_be_had_for_long_opens_the_breaker(platform, work):
    fault(platform, http_status=502, path=TOKEN_PATH, times=10_000)
    builders.copies(platform.message(), 49)
    hurry(work, 40)
    assert condition(platform).open_since is not None


def test_a_cleared_quota_frees_what_was_refused_for_it(platform, work):
    fault(platform, errcode=45009, times=1)
    refused = platform.message()
    work()
    refused.refresh_from_db()
    assert refused.reason == Reason.QUOTA
    platform.message(priority=Priority.URGENT)
    work()
    refused.refresh_from_db()
    assert refused.reason != Reason.QUOTA
    work_again(work)
    refused.refresh_from_db()
    assert refused.state == State.SENT
