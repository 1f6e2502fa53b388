"""When a campaign stops by itself, and how its trial ends."""

from decimal import Decimal

import pytest
from django.utils import timezone

from notifier.campaigns import states
from notifier.campaigns.judgement import Fared, fared, reason_after_trial, reason_to_stop
from notifier.models import Campaign
from tests import builders
from tests.campaigns.campaigning import a_group, ago, launched, make_campaign, messages, tick

LIMITS = {"failed": Decimal(5), "refused": Decimal("2.5"), "blocked": Decimal(0)}


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (("sent", 0, ""), None),
        (("delivered", 0, "success"), None),
        (("cancelled", None, ""), None),
        (("failed", 43101, ""), "refused"),
        (("failed", 43004, ""), "refused"),
        (("failed", 47003, ""), "failed"),
        (("failed", None, ""), "failed"),
        (("undelivered", 0, "failed:user block"), "blocked"),
        (("undelivered", 0, "failed: system failed"), "failed"),
        (("unknown", None, ""), "failed"),
        (("expired", None, ""), "failed"),
    ],
)
def test_what_a_message_counts_as(row, kind):
    found = fared([row])
    assert found == Fared(ended=1, **({kind: 1} if kind else {}))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (Fared(100, failed=5), None),
        (Fared(100, failed=6), "6 of the last 100 messages failed: above 5 %."),
        (Fared(10, failed=2), None),  # two are no sign
        (Fared(10, failed=3), "3 of the last 10 messages failed: above 5 %."),
        (Fared(1000, refused=25), None),
        (Fared(1000, refused=26), "26 of the last 1000 messages were refused: above 2.5 %."),
        (Fared(1000, blocked=3), "3 of the last 1000 people block the account: above 0 %."),
        (Fared(), None),
    ],
)
def test_when_it_stops(found, says):
    reason = reason_to_stop(found, LIMITS)
    assert (reason and reason[0] % reason[1]) == says


@pytest.mark.parametrize(
    ("states", "stops"),
    [
        ({"delivered": 10}, False),
        ({"delivered": 4, "undelivered": 1, "sent": 5}, False),
        ({"delivered": 4, "sent": 6}, True),
        ({"sent": 10}, True),
        ({"failed": 2}, False),
    ],
)
def test_a_trial_without_receipts_tells_nothing(states, stops):
    assert bool(reason_after_trial(states, 10)) is stops


@pytest.fixture
def campaign(transactional_db):
    template = builders.make_template()
    group = a_group(template.account, 40)
    return launched(make_campaign(template, group=group, canary_percent=25))


def fare(campaign, *outcomes):
    """The messages so far end like these, in turn."""
    rows = list(messages(campaign).filter(state="queued"))
    for place, message in enumerate(rows):
        state, values = outcomes[place % len(outcomes)]
        builders.set_message(message, state=state, **values)


GOOD = ("delivered", {"receipt_status": "success"})
NO_RECEIPT = ("sent", {"sent_at": timezone.now()})
BLOCKED = ("undelivered", {"receipt_status": "failed:user block"})
REFUSED = ("failed", {"errcode": 43101})


def test_the_rest_waits_until_the_trial_is_over(campaign):
    assert (campaign.state, messages(campaign).count()) == ("canary", 10)
    assert (tick(campaign).state, messages(campaign).count()) == ("canary", 10)
    fare(campaign, GOOD)
    tick(campaign)
    assert tick(campaign).state == "running"
    assert messages(campaign).count() == 40


def test_a_receipt_that_lacks_is_waited_for_as_long_as_was_asked(campaign):
    fare(campaign, GOOD, GOOD, GOOD, NO_RECEIPT)
    assert tick(campaign).state == "canary"
    Campaign.objects.filter(pk=campaign.pk).update(canary_fed_at=ago(minutes=11))
    assert tick(campaign).state == "running"


def test_without_receipts_it_pauses_and_who_lets_it_go_on_decides(campaign):
    fare(campaign, NO_RECEIPT)
    Campaign.objects.filter(pk=campaign.pk).update(canary_fed_at=ago(minutes=11))
    tick(campaign)
    assert campaign.state == "paused"
    assert campaign.reason[1] == {"came": 0, "sent": 10, "minutes": 10}
    states.resume(campaign.pk)
    tick(campaign)
    assert (campaign.state, messages(campaign).count()) == ("running", 40)


@pytest.mark.parametrize(("outcome", "word"), [(BLOCKED, "block"), (REFUSED, "refused")])
def test_a_trial_that_goes_badly_pauses(campaign, outcome, word):
    fare(campaign, outcome, outcome, GOOD)
    tick(campaign)
    assert campaign.state == "paused"
    assert word in campaign.reason[0]
    assert messages(campaign).count() == 10


def test_what_went_badly_before_a_resume_is_not_judged_again(campaign):
    fare(campaign, REFUSED)
    assert tick(campaign).state == "paused"
    states.resume(campaign.pk)
    tick(campaign)
    assert (campaign.state, messages(campaign).count()) == ("running", 40)
    fare(campaign, REFUSED)
    assert tick(campaign).state == "paused"


def test_a_pause_in_the_trial_goes_on_with_the_trial(transactional_db, settings):
    settings.CAMPAIGN_BUFFER = 100
    template = builders.make_template()
    campaign = make_campaign(
        template, group=a_group(template.account, 40), canary_percent=50, pace=1
    )
    launched(campaign)
    assert messages(campaign).count() == 3
    states.pause_by(campaign.pk, "boss")
    states.resume(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.state == "canary"


def test_a_small_audience_has_no_trial(transactional_db):
    template = builders.make_template()
    campaign = make_campaign(template, group=a_group(template.account, 10), canary_percent=1)
    assert launched(campaign).state == "running"
