"""What must not go on: messages handed back during a pause or after a cancel, moves that come late,
work that a broken connection or one bad campaign would end."""

import pytest
from django.utils import timezone

from notifier.campaigns import preflight, states, watch
from notifier.campaigns.states import NotAllowed
from notifier.dispatch.claim import claim
from notifier.dispatch.lanes import Lane
from notifier.dispatch.repair import Fate, retry
from notifier.dispatch.waiting import waiting
from notifier.models import Campaign, CampaignRow, Message, Priority
from notifier.models.campaigns import NEVER
from notifier.recipients.claims import Claim, Lost
from tests import builders
from tests.campaigns.campaigning import (
    a_group,
    ago,
    checked,
    ended,
    launched,
    make_campaign,
    messages,
    tick,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(template):
    return launched(make_campaign(template, group=a_group(template.account, 4)))


def claimed(campaign):
    lane = Lane(campaign.account_id, Priority.BULK)
    return {row.id for row in claim(lane, 10, timezone.now()).rows}


@pytest.mark.parametrize("stop", [states.pause_by, states.cancel])
def test_a_claim_parks_what_was_handed_back_since_its_campaign_stopped(campaign, stop):
    stop(campaign.pk, "boss")
    back, *_rest = messages(campaign)
    builders.set_message(back, state="queued", reason="returned", due_at=timezone.now())
    assert claimed(campaign) == set()
    back.refresh_from_db()
    assert (back.reason, back.due_at, back.attempts) == ("paused", NEVER, 0)


@pytest.mark.parametrize(("stop", "goes"), [(states.pause_by, True), (states.cancel, False)])
def test_what_is_in_doubt_is_repeated_in_a_pause_but_never_after_a_cancel(campaign, stop, goes):
    doubtful, *_rest = messages(campaign)
    stop(campaign.pk, "boss")
    builders.set_message(
        doubtful, in_doubt_since=timezone.now(), due_at=timezone.now(), reason="retry"
    )
    assert (claimed(campaign) == {doubtful.pk}) is goes
    if not goes:
        tick(campaign)
        doubtful.refresh_from_db()
        assert doubtful.state == "unknown"


def test_of_a_cancelled_campaign_nothing_is_tried_again(campaign):
    ended(campaign, "failed")
    states.cancel(campaign.pk, "boss")
    one, *_rest = messages(campaign)
    assert retry([one.pk], "li", timezone.now()) == {Fate.REFUSED: 1}
    one.refresh_from_db()
    assert one.state == "failed"


def test_a_trial_that_ends_while_somebody_pauses_does_not_go_on(template):
    campaign = make_campaign(template, group=a_group(template.account, 40), canary_percent=25)
    launched(campaign)
    states.pause_by(campaign.pk, "boss")
    with pytest.raises(NotAllowed):
        states.end_canary(campaign.pk)
    with pytest.raises(NotAllowed):
        states.begin(campaign.pk, timezone.now())
    campaign.refresh_from_db()
    assert campaign.state == "paused"


def test_a_pause_by_hand_after_the_trial_was_made_does_not_end_it(template):
    campaign = make_campaign(template, group=a_group(template.account, 40), canary_percent=25)
    launched(campaign)
    tick(campaign)
    states.pause_by(campaign.pk, "boss")
    states.resume(campaign.pk)
    tick(campaign)
    assert (campaign.state, messages(campaign).count()) == ("canary", 10)
    ended(campaign, "undelivered", receipt_status="failed:user block")
    tick(campaign)
    assert campaign.state == "paused"


def test_what_was_parked_is_judged_after_the_resume(campaign):
    states.pause_by(campaign.pk, "boss")
    states.resume(campaign.pk)
    tick(campaign)
    ended(campaign, "failed", errcode=43101)
    tick(campaign)
    assert campaign.state == "paused"
    assert campaign.reason[1]["bad"] == 4


def test_a_held_template_pauses_one_that_has_nothing_left_to_feed(campaign, template):
    template.held_since, template.held_because = timezone.now(), "errcode 40037: x"
    template.save()
    tick(campaign)
    assert campaign.state == "paused"
    assert campaign.reason[1] == {"because": "errcode 40037: x"}


def test_a_worker_that_has_lost_its_claim_deletes_no_rows(template):
    campaign = checked(make_campaign(template, group=a_group(template.account, 3)))
    states.check(campaign.pk, "writer")
    stalled = Claim(Campaign, campaign.pk, ["checking"])
    Campaign.objects.filter(pk=campaign.pk).update(claimed_by="another")
    with pytest.raises(Lost):
        preflight.check(stalled)
    assert CampaignRow.objects.filter(campaign=campaign).count() == 3


def test_one_campaign_that_cannot_be_watched_does_not_hold_up_the_others(template, campaign):
    broken = make_campaign(template, name="broken", state="cancelled", finished_at=timezone.now())
    watch._not_before.clear()
    ended(campaign)
    assert broken.reason == []  # who cancelled it is not known
    watch.watch_all()
    campaign.refresh_from_db()
    assert campaign.state == "done"


def test_after_a_resume_a_paced_campaign_keeps_its_pace(template):
    campaign = make_campaign(template, group=a_group(template.account, 60), pace=5)
    launched(campaign)
    assert messages(campaign).count() == 15
    states.pause_by(campaign.pk, "boss")
    states.resume(campaign.pk)
    tick(campaign)
    assert messages(campaign).count() == 15  # three seconds' worth are due already


def test_a_day_without_quota_outlasts_no_message(campaign):
    assert all(one.expires_at > ago(days=-6) for one in messages(campaign))


def test_a_parked_message_says_no_date(campaign):
    states.pause_by(campaign.pk, "boss")
    one = messages(campaign).select_related("account")[0]
    waits = waiting(one, timezone.now())
    assert (waits.reason, waits.until) == ("paused", None)
    assert Message.objects.filter(campaign=campaign, due_at=NEVER).count() == 4


@pytest.mark.parametrize("stop", [states.pause_by, states.cancel, None])
def test_figures_do_not_shrink_when_old_messages_are_swept(campaign, stop):
    if stop:
        stop(campaign.pk, "boss")
    ended(campaign)
    before = tick(campaign).figures
    assert sum(before.values()) == 4
    gone, other, *_rest = messages(campaign)
    gone.delete()
    builders.set_message(other, state="undelivered")
    assert tick(campaign).figures == before
