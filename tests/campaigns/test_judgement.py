"""When a campaign stops by itself, and how its trial ends."""

from decimal import Decimal

import pytest
from django.utils import timezone

from notifier.campaigns import states
from notifier.campaigns.judgement import (
    Fared,
    fared,
    reason_after_trial,
    reason_to_stop,
    stretch,
)
from tests import builders
from tests.campaigns.campaigning import a_group, ago, launched, make_campaign, messages, tick

LIMITS = {"failed": Decimal(5), "refused": Decimal("2.5"), "blocked": Decimal(0)}


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (("sent", 0, ""), None),
        (("delivered", 0, "success"), None),
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
    receipts = {"receipts": 3} if row[2] else {}
    bad = {kind: 3} if kind else {}
    assert fared([(*row, 3)]) == {"answered": 3, **receipts, **bad}


def test_what_waits_or_was_cancelled_says_nothing():
    assert not fared(
        [("queued", None, "", 5), ("sending", None, "", 5), ("cancelled", None, "", 5)]
    )


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"answered": 100, "failed": 5}, None),
        ({"answered": 100, "failed": 6}, "6 of the last 100 messages failed: above 5 %."),
        ({"answered": 10, "failed": 2}, None),  # two are no sign
        ({"answered": 10, "failed": 3}, "3 of the last 10 messages failed: above 5 %."),
        ({"answered": 1000, "refused": 25}, None),
        (
            {"answered": 1000, "refused": 26},
            "26 of the last 1000 messages were refused: above 2.5 %.",
        ),
        # Of those whose receipt has come: the others say nothing about it yet.
        (
            {"answered": 9000, "receipts": 40, "blocked": 3},
            "3 of the last 40 people block the account: above 0 %.",
        ),
        ({}, None),
    ],
)
def test_when_it_stops(found, says):
    reason = reason_to_stop(Fared(found), LIMITS)
    assert (reason and reason[0] % reason[1]) == says


def test_what_is_judged_moves_on_by_stretches():
    """So that after a million that went well a thousand bad ones are seen."""
    judged = {"from": {}, "next": {}}
    found, judged = stretch(judged, Fared(answered=900))
    assert found == {"answered": 900}
    found, judged = stretch(judged, Fared(answered=1500))
    assert found == {"answered": 1500}
    found, judged = stretch(judged, Fared(answered=2600, failed=90))
    assert found == {"answered": 1100, "failed": 90}
    # Somebody has seen it, and let it go on.
    found, judged = stretch({}, Fared(answered=2700, failed=180))
    assert found == {}
    found, _judged = stretch(judged, Fared(answered=2800, failed=181))
    assert found == {"answered": 100, "failed": 1}


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
        sent_at = timezone.now() if state == "sent" else None
        builders.set_message(message, state=state, sent_at=sent_at, **values)


GOOD = ("delivered", {"receipt_status": "success"})
NO_RECEIPT = ("sent", {})
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
    messages(campaign).update(sent_at=ago(minutes=11))
    assert tick(campaign).state == "running"


def test_without_receipts_it_pauses_and_who_lets_it_go_on_decides(campaign):
    fare(campaign, NO_RECEIPT)
    messages(campaign).update(sent_at=ago(minutes=11))
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
