"""When the quota ends and the queue is empty, as far as the last hour and the usual day say."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.admin import anomaly_words
from notifier.anomalies import forecast
from notifier.anomalies.forecast import queues, quotas
from notifier.anomalies.watch import look
from notifier.dispatch import gate
from notifier.dispatch.lanes import redis
from notifier.models import Anomaly, Campaign, Message, MessageCount
from notifier.models.counts import ACCEPTED, Span
from tests import builders
from tests.anomalies.measuring import WIDTH
from tests.campaigns.campaigning import make_campaign

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 25, 6, 0, 20, tzinfo=UTC)
"""Two in the afternoon in Shanghai: ten hours are left."""
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def template():
    return builders.make_template(builders.make_account(daily_quota=11_000, urgent_reserve=1_000))


def used(account, count, now=NOW):
    key = {"day": f"{now + 8 * HOUR:%Y%m%d}", "used": count}
    redis().hset(gate._key(account.pk), mapping=key)


def counted(template, begins, count, span=Span.HOUR, state="sent"):
    of = {"account_id": template.account_id, "template_id": template.pk, "shard": 0}
    MessageCount.objects.create(span=span, begins=begins, state=state, count=count, **of)


def last_hour(template, count, now=NOW):
    for n in range(60):
        counted(template, now.replace(second=0) - n * MINUTE, count / 60, Span.MINUTE)


def usual_day(template, count, step=timedelta(weeks=1)):
    """From now until midnight, so many an hour, on four such days."""
    for n in range(1, 5):
        for hour in range(11):
            counted(template, NOW.replace(second=0) + hour * HOUR - n * step, count)


def quota(template, now=NOW):
    return quotas([template.account], now)[template.account_id]


def test_without_a_past_it_goes_on_as_in_the_last_hour(template):
    used(template.account, 4_000)
    last_hour(template, 1_200)
    found = quota(template)
    assert (found.used, found.allowed, found.per_hour) == (4_000, 10_000, 1_200)
    assert found.ends_at == NOW + 5 * HOUR
    assert f"{found.resets_at:%d %H:%M}" == "26 00:00"


def test_after_an_hour_it_goes_on_as_usual(template):
    """A campaign now, and a quiet evening."""
    used(template.account, 4_000)
    last_hour(template, 1_200)
    usual_day(template, 100)
    assert quota(template).ends_at is None
    MessageCount.objects.filter(span=Span.HOUR).update(count=1_000)
    assert abs(quota(template).ends_at - (NOW + 1 * HOUR + 4.8 * HOUR)) < timedelta(minutes=5)


def test_what_is_known_to_come_goes_on_at_the_pace_of_now(template):
    """After an hour, too: a campaign's rest, and what is due, beside the usual. All that was sent
    in the last hour was the campaign's."""
    used(template.account, 4_000)
    last_hour(template, 1_200)
    usual_day(template, 50)
    sent = {"started_at": NOW - 2.5 * HOUR, "fed": 3_000, "refused": 700}
    campaign = make_campaign(template, state="running", ready=9_000, **sent)
    waiting(template, 20, MINUTE)
    assert quota(template).ends_at is None  # 5,320 of it, and 450 more until midnight
    Campaign.objects.filter(pk=campaign.pk).update(ready=10_000)
    left = HOUR + (6_000 - 1_200) / 1_250 * HOUR
    assert abs(quota(template).ends_at - (NOW + left)) < 3 * MINUTE
    Campaign.objects.filter(pk=campaign.pk).update(state="paused")
    assert quota(template).ends_at is None


def test_what_began_to_run_lately_has_the_pace_of_the_last_minutes(template):
    used(template.account, 1_000)
    usual_day(template, 100)
    counted(template, NOW.replace(second=0) - 5 * MINUTE, 1_000, Span.MINUTE)
    make_campaign(template, state="canary", ready=20_000)
    assert abs(quota(template).ends_at - (NOW + 1.6 * HOUR)) < 3 * MINUTE


def test_what_has_its_time_today_comes_then(template):
    used(template.account, 4_000)
    usual_day(template, 100)
    make_campaign(template, state="scheduled", ready=8_000, send_at=NOW + 4 * HOUR)
    found = quota(template)
    at_ten = NOW.replace(second=0) + 4 * HOUR
    assert at_ten < found.ends_at < at_ten + HOUR
    Campaign.objects.update(send_at=found.resets_at)
    assert quota(template).ends_at is None
    waiting(template, 60, -2 * HOUR)
    Message.objects.update(due_at=NOW + 2 * HOUR)
    used(template.account, 9_950)
    at_eight = NOW.replace(second=0) + 2 * HOUR
    MessageCount.objects.filter(span=Span.HOUR).update(count=1)
    assert at_eight < quota(template).ends_at < at_eight + HOUR
    on_the_hour = NOW.replace(second=0) + 2 * HOUR
    Message.objects.update(due_at=on_the_hour)
    assert quota(template).ends_at > on_the_hour


def test_a_campaign_with_a_pace_of_its_own_goes_on_at_that(template):
    """From its minute on, and beyond its hour."""
    used(template.account, 4_000)
    usual_day(template, 100)
    begins = NOW.replace(second=0) + 2.5 * HOUR
    own = make_campaign(template, state="scheduled", ready=20_000, send_at=begins, pace=1)
    # 150 as usual until then, after the first hour; then both.
    left = (6_000 - 150) / 3_700 * HOUR
    assert abs(quota(template).ends_at - (begins + left)) < 3 * MINUTE
    Campaign.objects.filter(pk=own.pk).update(ready=4_000)
    assert quota(template).ends_at is None
    Campaign.objects.filter(pk=own.pk).update(ready=20_000, state="running")
    left = HOUR + (6_000 - 3_600) / 3_700 * HOUR
    assert abs(quota(template).ends_at - (NOW + left)) < 3 * MINUTE


def test_a_campaign_comes_beside_the_usual_and_the_usual_is_without_campaigns(template):
    type(template.account).objects.update(daily_quota=51_000)
    template.account.refresh_from_db()
    used(template.account, 4_000)
    last_hour(template, 3_000)
    usual_day(template, 3_000)
    begins = NOW.replace(second=0) + HOUR
    make_campaign(template, state="scheduled", ready=30_000, send_at=begins, pace=1)
    left = (46_000 - 3_000) / 6_600 * HOUR
    assert abs(quota(template).ends_at - (begins + left)) < 3 * MINUTE
    # The usual was a campaign's, each week at this time: it comes once.
    for n in range(1, 5):
        ran = {"started_at": begins - n * 7 * 24 * HOUR, "fed": 30_000}
        ran["finished_at"] = ran["started_at"] + 10 * HOUR
        make_campaign(template, state="done", ready=30_000, **ran)
    assert quota(template).ends_at is None


def test_what_services_schedule_each_day_is_in_the_usual(template):
    used(template.account, 4_000)
    usual_day(template, 580)
    due = NOW.replace(second=0) + 2 * HOUR
    Message.objects.filter(pk__in=waiting(template, 500, MINUTE)).update(due_at=due)
    assert quota(template).ends_at is None


def test_what_is_due_is_sent_today_though_nothing_was_in_the_last_hour(template):
    """WeChat was away."""
    used(template.account, 9_990)
    waiting(template, 20, MINUTE)
    assert abs(quota(template).ends_at - (NOW + 5 * HOUR)) < MINUTE


def test_the_days_before_where_the_weeks_are_too_few(template):
    used(template.account, 4_000)
    usual_day(template, 1_000, timedelta(days=1))
    assert quota(template).ends_at is not None


def test_what_is_used_up_has_ended_and_what_is_not_counted_has_no_forecast(template):
    used(template.account, 10_000)
    assert quota(template).ends_at == NOW
    template.account.daily_quota = 0
    assert quotas([template.account], NOW) == {}


def test_a_quota_that_ends_early_is_raised_and_over_at_midnight(template):
    words = Anomaly.objects.filter(measure="quota", state__in=("open", "ended"))
    for n in range(2):
        now = NOW + n * WIDTH
        used(template.account, 4_000)
        last_hour(template, 1_200, now)
        MessageCount.objects.filter(span=Span.MINUTE, begins__lte=now - HOUR).delete()
        assert not words.exists()
        look(now)
        MessageCount.objects.all().delete()
    one = words.get()
    assert (one.state, one.facts["used"], one.template) == ("open", 4_000, None)
    for n in range(3):
        look(NOW + timedelta(days=1) + n * WIDTH)
    assert words.get().state == "ended"


def test_a_quota_that_is_all_kept_for_urgent_ones_is_no_anomaly(template):
    type(template.account).objects.update(urgent_reserve=template.account.daily_quota)
    for n in range(2):
        look(NOW + n * WIDTH)
    assert not Anomaly.objects.exists()


def waiting(template, count, since, now=NOW):
    first = builders.make_message(template)
    rows = [first, *builders.copies(first, count - 1)]
    ids = [one.pk for one in rows]
    type(first).objects.filter(pk__in=ids).update(due_at=now - since)
    return ids


def test_when_the_queue_is_empty(template):
    waiting(template, 100, 3 * MINUTE)
    begins = NOW.replace(second=0)
    counted(template, begins - 3 * MINUTE, 200, Span.MINUTE)
    counted(template, begins - 3 * MINUTE, 100, Span.MINUTE, ACCEPTED)
    found = queues([template.account], NOW)[template.account_id]
    assert (found.waiting, found.age) == (100, 180)
    assert abs(found.empty_at - (NOW + 10 * MINUTE)) < MINUTE
    MessageCount.objects.filter(state=ACCEPTED).update(count=250)
    assert queues([template.account], NOW)[template.account_id].empty_at is None


def test_of_more_than_is_counted_nobody_says_when_it_is_empty(template, monkeypatch):
    monkeypatch.setattr(forecast, "MOST", 50)
    waiting(template, 100, 3 * MINUTE)
    counted(template, NOW.replace(second=0) - 3 * MINUTE, 200, Span.MINUTE)
    found = queues([template.account], NOW)[template.account_id]
    assert (found.waiting, found.is_more, found.shrinks, found.empty_at) == (50, True, True, None)
    assert "50+ due messages wait" in anomaly_words._queue(found)


def test_a_queue_that_only_grows_older_is_raised(template):
    shown = Anomaly.objects.filter(measure="queue", state__in=("open", "ended"))
    waiting(template, 10, 4 * MINUTE)
    for n, found in enumerate([0, 0, 1]):
        look(NOW + n * WIDTH)
        assert shown.count() == found
    one = shown.get()
    assert (one.state, one.facts["waiting"], one.facts["age"]) == ("open", 10, 14 * 60)
    counted(template, (NOW + 3 * WIDTH).replace(second=0), 5, Span.MINUTE)
    for n in (3, 4):
        look(NOW + n * WIDTH)
    assert shown.get().state == "ended"


def test_what_waits_for_its_time_is_no_queue(template):
    ids = waiting(template, 10, -HOUR)
    found = queues([template.account], NOW)[template.account_id]
    assert (len(ids), found.waiting) == (10, 0)
