"""From rows to messages: each once, just in time, at the pace asked for; and how it is stopped."""

import threading
import time
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.utils import timezone

from notifier.campaigns import feed, parking, states, watch
from notifier.models import Campaign, CampaignRow, Message, Suppression
from templates_app.models import MessageTemplate
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
    upload,
)
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_person_gets_one_message_of_the_version_that_was_chosen(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 30)))
    assert (campaign.state, campaign.fed, campaign.refused) == ("running", 30, 0)
    made = messages(campaign)
    assert Counter(made.values_list("recipient", flat=True)).most_common(1)[0][1] == 1
    assert {one.requested_by for one in made} == {"writer"}
    assert {one.priority for one in made} == {2}
    named = campaign.rows.values_list("message_id", flat=True)
    assert set(named) == set(made.values_list("pk", flat=True))
    assert '"云南白茶"' in made[0].payload

    ended(campaign)
    tick(campaign)
    assert (campaign.state, campaign.figures) == ("done", {"delivered": 30})
    assert campaign.finished_at


def test_each_row_of_a_file_has_its_own_text(template):
    for number in (1, 2):
        builders.make_recipient(template.account, user_id=f"u-{number}")
    campaign = make_campaign(template, audience="upload")
    upload(campaign, "user_id,product\nu-1,龙井\nu-2,\n")
    launched(campaign)
    texts = dict(messages(campaign).values_list("recipient__user_id", "payload"))
    assert "龙井" in texts["u-1"]
    assert "云南白茶" in texts["u-2"]


def test_who_refuses_since_the_check_is_left_out_and_counted(template):
    group = a_group(template.account, 3)
    campaign = make_campaign(template, group=group)
    one, two, _three = group.recipients.order_by("pk")
    checked(campaign)
    Suppression.objects.create(recipient=one, template=template, since=timezone.now())
    type(two).objects.filter(pk=two.pk).update(state="unfollowed")
    states.launch(campaign.pk, "writer")
    tick(campaign)
    assert (campaign.fed, campaign.refused) == (1, 2)
    assert list(campaign.rows.exclude(problem="").values_list("problem", flat=True)) == [
        "recipient_refuses_template",
        "recipient_unfollowed",
    ]


def test_few_messages_wait_at_any_time(template, settings):
    settings.CAMPAIGN_BUFFER = 20
    campaign = launched(make_campaign(template, group=a_group(template.account, 50)))
    assert messages(campaign).count() == 20
    assert messages(tick(campaign)).count() == 20
    ended(campaign)
    assert messages(tick(campaign)).count() == 40


def test_a_pace_spreads_them_over_time(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 50), pace=5))
    due = sorted(messages(campaign).values_list("due_at", flat=True))
    assert len(due) == 15  # three seconds ahead
    gaps = {round((after - before).total_seconds(), 3) for before, after in pairwise(due)}
    assert gaps == {0.2}
    Campaign.objects.filter(pk=campaign.pk).update(
        next_due_at=timezone.now() + timedelta(seconds=1)
    )
    tick(campaign)
    assert messages(campaign).count() == pytest.approx(25, abs=1)


def test_two_feeders_double_nobody(template, monkeypatch):
    monkeypatch.setattr(feed, "CHUNK", 7)
    campaign = make_campaign(template, group=a_group(template.account, 60))
    checked(campaign)
    states.launch(campaign.pk, "writer")
    states.begin(campaign.pk, timezone.now())
    at_once(4, lambda _number: feed.feed(campaign.pk, campaign.priority))
    people = Counter(messages(campaign).values_list("recipient", flat=True))
    assert len(people) == people.total() == 60


def test_a_feeder_that_dies_in_a_chunk_leaves_nothing_of_it(template, monkeypatch):
    monkeypatch.setattr(feed, "CHUNK", 10)
    note = feed._note

    def dies(rows, outcomes):
        if rows[0].number > 10:
            raise SystemExit
        return note(rows, outcomes)

    monkeypatch.setattr(feed, "_note", dies)
    MessageTemplate.objects.update(dedup_seconds=600)
    campaign = make_campaign(template, group=a_group(template.account, 25))
    with pytest.raises(SystemExit):
        launched(campaign)
    assert messages(campaign).count() == 10
    monkeypatch.setattr(feed, "_note", note)
    tick(campaign)
    # The marks against doubles of the chunk that was lost do not stand against its repetition.
    assert (messages(campaign).count(), campaign.refused) == (25, 0)


def test_it_begins_when_its_time_has_come(template):
    soon = timezone.now() + timedelta(hours=1)
    campaign = launched(make_campaign(template, group=a_group(template.account, 2), send_at=soon))
    assert (campaign.state, messages(campaign).count()) == ("scheduled", 0)
    Campaign.objects.filter(pk=campaign.pk).update(send_at=ago(seconds=1))
    tick(campaign)
    assert (campaign.state, messages(campaign).count()) == ("running", 2)


def test_a_pause_stops_what_waits_and_a_resume_lets_it_go(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 5)))
    states.pause_by(campaign.pk, "boss")
    campaign.refresh_from_db()
    assert (campaign.state, campaign.reason) == ("paused", ["Paused by %(who)s.", {"who": "boss"}])
    assert set(messages(campaign).values_list("reason", "due_at")) == {("paused", parking.NEVER)}

    states.resume(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.state == "running"
    assert {one.reason for one in messages(campaign)} == {""}
    assert all(one.due_at <= timezone.now() < one.expires_at for one in messages(campaign))


def test_what_a_worker_hands_back_during_a_pause_is_parked_but_not_what_is_in_doubt(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 3)))
    one, two, _three = messages(campaign)
    Message.objects.filter(pk__in=[one.pk, two.pk]).update(state="sending")
    states.pause_by(campaign.pk, "boss")
    builders.set_message(one, state="queued", reason="retry")
    builders.set_message(two, state="queued", reason="retry", in_doubt_since=timezone.now())
    tick(campaign)
    assert [row.reason for row in messages(campaign)] == ["paused", "retry", "paused"]


def test_while_it_is_resumed_the_clock_parks_nothing(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 3)))
    states.pause_by(campaign.pk, "boss")
    stale = Campaign.objects.get(pk=campaign.pk)
    states.resume(campaign.pk)
    watch._paused(stale, timezone.now())
    assert {one.reason for one in messages(campaign)} == {""}


def test_a_cancelled_one_ends_its_messages(template, settings):
    settings.CAMPAIGN_BUFFER = 100
    campaign = launched(make_campaign(template, group=a_group(template.account, 120)))
    states.cancel(campaign.pk, "boss")
    tick(campaign)
    assert (campaign.state, campaign.figures) == ("cancelled", {"cancelled": 100})
    event = messages(campaign)[0].events.get()
    assert (event.state, event.detail) == ("cancelled", "boss")
    tick(campaign)
    assert messages(campaign).count() == 100


@pytest.mark.parametrize("action", ["pause", "cancel"])
def test_while_a_feeder_runs_a_pause_holds_at_once(template, monkeypatch, action):
    """The feeder holds the campaign's lock for one chunk; the next one finds it stopped."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite lets one transaction write at a time")
    monkeypatch.setattr(feed, "CHUNK", 10)
    reached, go_on = threading.Event(), threading.Event()
    note = feed._note

    def slow(rows, outcomes):
        reached.set()
        go_on.wait(10)
        return note(rows, outcomes)

    monkeypatch.setattr(feed, "_note", slow)
    campaign = make_campaign(template, group=a_group(template.account, 50))
    checked(campaign)
    states.launch(campaign.pk, "writer")
    states.begin(campaign.pk, timezone.now())

    def release():
        """Once the other waits for the lock."""
        with connection.cursor() as cursor:
            for _ in range(500):
                cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
                if cursor.fetchone():
                    break
                time.sleep(0.01)
        connection.close()
        go_on.set()

    def run(number):
        if number:
            return feed.feed(campaign.pk, campaign.priority)
        reached.wait(5)
        threading.Thread(target=release).start()
        return (
            states.pause_by(campaign.pk, "x")
            if action == "pause"
            else states.cancel(campaign.pk, "x")
        )

    at_once(2, run)
    assert messages(campaign).count() == 10
    assert {one.reason for one in messages(campaign)} == {"paused"}


def test_a_held_template_pauses_it_and_says_why(template, settings):
    settings.CAMPAIGN_BUFFER = 5
    campaign = launched(make_campaign(template, group=a_group(template.account, 10)))
    MessageTemplate.objects.get(pk=template.pk)
    template.held_since, template.held_because = timezone.now(), "errcode 40037: x"
    template.save()
    ended(campaign)
    tick(campaign)
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert campaign.reason[1] == {"because": "errcode 40037: x"}
    assert CampaignRow.objects.filter(campaign=campaign, message_id=None).count() == 5
