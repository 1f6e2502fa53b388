"""Every move of a campaign, by whom it is allowed, and when."""

import pytest
from django.utils import timezone

from notifier.campaigns import states
from notifier.campaigns.states import NotAllowed
from notifier.models import CAMPAIGN_MOVES, Campaign, CampaignState
from tests.campaigns.campaigning import a_group, ago, checked, make_campaign

pytestmark = pytest.mark.django_db(transaction=True)


ACTIONS = {
    "note_editor": (lambda pk: states.note_editor(pk, "x"), {"draft", "checked"}),
    "check": (lambda pk: states.check(pk, "x"), {"draft", "checked"}),
    "launch": (lambda pk: states.launch(pk, "x"), {"checked"}),
    "approve": (lambda pk: states.approve(pk, "boss"), {"submitted"}),
    "withdraw": (lambda pk: states.withdraw(pk, "x"), {"submitted", "scheduled"}),
    "pause": (lambda pk: states.pause_by(pk, "x"), {"canary", "running"}),
    "resume": (lambda pk: states.resume(pk), {"paused"}),
    "cancel": (
        lambda pk: states.cancel(pk, "x"),
        {
            "draft",
            "checking",
            "checked",
            "submitted",
            "scheduled",
            "canary",
            "running",
            "paused",
        },
    ),
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("state", CampaignState.values)
def test_each_action_is_for_its_states_and_moves_as_the_table_says(template, action, state):
    act, allowed = ACTIONS[action]
    campaign = make_campaign(
        template, state=state, ready=1, editors=["writer"], checked_at=timezone.now()
    )
    if state not in allowed:
        with pytest.raises(NotAllowed) as caught:
            act(campaign.pk)
        assert "%(state)s" in caught.value.text
    else:
        act(campaign.pk)
    campaign.refresh_from_db()
    if state in allowed and action != "note_editor":
        assert campaign.state in CAMPAIGN_MOVES[CampaignState(state)]
    elif state not in allowed:
        assert campaign.state == state


def test_a_small_one_goes_at_once_and_a_large_one_waits_for_a_second_person(template):
    template.account.campaign_approval_from = 3
    template.account.save()
    small = checked(make_campaign(template, group=a_group(template.account, 2, "a")))
    assert states.launch(small.pk, "writer") == "scheduled"

    large = checked(make_campaign(template, group=a_group(template.account, 3, "b")))
    assert states.launch(large.pk, "second writer") == "submitted"
    for own in ("writer", "second writer"):
        with pytest.raises(NotAllowed, match="Somebody else must approve"):
            states.approve(large.pk, own)
    states.approve(large.pk, "boss")
    large.refresh_from_db()
    assert (large.state, large.approved_by) == ("scheduled", "boss")


def test_a_change_takes_the_check_back_and_makes_one_a_writer(template):
    template.account.campaign_approval_from = 0
    template.account.save()
    campaign = checked(make_campaign(template, group=a_group(template.account, 1)))
    states.note_editor(campaign.pk, "editor")
    with pytest.raises(NotAllowed):
        states.launch(campaign.pk, "editor")
    checked(campaign)
    states.launch(campaign.pk, "writer")
    with pytest.raises(NotAllowed, match="Somebody else"):
        states.approve(campaign.pk, "editor")


def test_what_is_sent_back_must_be_checked_again(template):
    template.account.campaign_approval_from = 0
    template.account.save()
    campaign = checked(make_campaign(template, group=a_group(template.account, 1)))
    states.launch(campaign.pk, "writer")
    states.withdraw(campaign.pk, "boss")
    campaign.refresh_from_db()
    assert campaign.state == "draft"
    assert campaign.reason == ["Sent back by %(who)s.", {"who": "boss"}]
    with pytest.raises(NotAllowed):
        states.launch(campaign.pk, "writer")


def test_nobody_to_send_to_is_told(template):
    group = a_group(template.account, 1)
    group.recipients.update(state="unfollowed")
    campaign = checked(make_campaign(template, group=group))
    with pytest.raises(NotAllowed, match="Nobody"):
        states.launch(campaign.pk, "writer")
    assert Campaign.objects.get().state == "checked"


@pytest.mark.parametrize("state", ["checked", "submitted"])
def test_nobody_decides_on_a_check_that_they_have_not_seen(template, state):
    decide = {"checked": states.launch, "submitted": states.approve}[state]
    campaign = make_campaign(template, state=state, ready=1, checked_at=timezone.now())
    with pytest.raises(NotAllowed, match="changed and checked again"):
        decide(campaign.pk, "boss", checked_at=ago(minutes=5))
    campaign.refresh_from_db()
    assert campaign.state == state
    decide(campaign.pk, "boss", checked_at=campaign.checked_at)
    campaign.refresh_from_db()
    assert campaign.state == "scheduled"


@pytest.mark.parametrize("state", ["checked", "submitted"])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"send_at": ago(minutes=1)}, "has passed. Choose another one"),
        ({"checked_at": ago(hours=25)}, "checked more than a day ago"),
    ],
)
def test_what_is_too_late_is_not_begun_but_told(template, state, values, says):
    decide = {"checked": states.launch, "submitted": states.approve}[state]
    values = {"checked_at": timezone.now()} | values
    campaign = make_campaign(template, state=state, ready=1, **values)
    with pytest.raises(NotAllowed, match=says):
        decide(campaign.pk, "boss")
    campaign.refresh_from_db()
    assert campaign.state == state
