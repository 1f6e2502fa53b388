"""Follow events move recipients, in the order of WeChat's clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from notifier.models import Push, Recipient, RecipientState, Suppression
from tests import builders
from tests.receipts.pushes import event, push

NOW = 1_790_000_000
OPENID = builders.openid("follower")


def arrive(account, work, *events, together=True):
    for name, at in events:
        push(account, event(name, OPENID, at))
        if not together:
            work()
    work()


def state_of(openid=OPENID):
    return Recipient.objects.get(openid=openid).state


def test_a_new_follower_becomes_a_recipient(account, work):
    arrive(account, work, ("subscribe", NOW))
    recipient = Recipient.objects.get()
    assert (recipient.account, recipient.openid, recipient.user_id) == (account, OPENID, "")
    assert (recipient.state, recipient.state_since.timestamp()) == ("following", NOW)


@pytest.mark.parametrize("before", ["unfollowed", "refused", "following"])
def test_a_follower_who_comes_back_can_be_reached_again(account, work, before):
    builders.make_recipient(account, openid=OPENID, state=before, user_id="u-1")
    arrive(account, work, ("subscribe", NOW))
    recipient = Recipient.objects.get()
    assert (recipient.state, recipient.user_id) == (RecipientState.FOLLOWING, "u-1")


@pytest.mark.parametrize("before", ["following", "refused"])
def test_a_follower_who_leaves_is_marked(account, work, before):
    builders.make_recipient(account, openid=OPENID, state=before)
    arrive(account, work, ("unsubscribe", NOW))
    assert state_of() == RecipientState.UNFOLLOWED


@pytest.mark.parametrize("name", ["subscribe", "unsubscribe"])
def test_a_blacklisted_person_stays_so(account, work, name):
    builders.make_recipient(account, openid=OPENID, state=RecipientState.BLACKLISTED)
    arrive(account, work, (name, NOW))
    assert state_of() == RecipientState.BLACKLISTED


def test_a_stranger_who_leaves_is_not_stored(account, work):
    arrive(account, work, ("unsubscribe", NOW))
    assert not Recipient.objects.exists()
    assert Push.objects.get().outcome == "unknown_recipient"


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (("subscribe", NOW), ("unsubscribe", NOW + 9), "unfollowed"),
        (("unsubscribe", NOW + 9), ("subscribe", NOW), "unfollowed"),
        (("unsubscribe", NOW), ("subscribe", NOW + 9), "following"),
        (("subscribe", NOW + 9), ("unsubscribe", NOW), "following"),
    ],
)
def test_the_later_event_counts_whichever_comes_first(
    account, work, together, first, second, state
):
    builders.make_recipient(account, openid=OPENID)
    arrive(account, work, first, second, together=together)
    assert state_of() == state


def test_a_late_event_does_not_undo_what_a_send_has_learned(account, work):
    since = timezone.now()
    builders.make_recipient(account, openid=OPENID, state="unfollowed", state_since=since)
    arrive(account, work, ("subscribe", (since - timedelta(minutes=1)).timestamp()))
    assert state_of() == RecipientState.UNFOLLOWED
    assert Push.objects.get().outcome == "outdated"


def test_the_same_openid_under_another_account_is_another_person(account, work):
    other = builders.make_recipient(builders.make_account(), openid=OPENID)
    arrive(account, work, ("subscribe", NOW), ("unsubscribe", NOW + 1))
    other.refresh_from_db()
    assert other.state == RecipientState.FOLLOWING


def test_a_push_is_done_when_it_was_worked_on(account, work):
    arrive(account, work, ("subscribe", NOW))
    done = Push.objects.get()
    assert (done.due_at, done.outcome) == (None, "applied")


def test_a_new_follow_lifts_refusals_of_templates(account, work):
    recipient = builders.make_recipient(account, openid=OPENID, state=RecipientState.UNFOLLOWED)
    template = builders.make_template(account)
    since = datetime.fromtimestamp(NOW, UTC)
    Suppression.objects.create(recipient=recipient, template=template, since=since)
    later = builders.make_template(account)
    later = Suppression.objects.create(
        recipient=recipient, template=later, since=since + timedelta(minutes=1)
    )
    arrive(account, work, ("subscribe", NOW))
    assert Suppression.objects.get() == later
