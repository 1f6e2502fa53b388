"""Campaigns in the admin: the buttons, who may press them, what the page says."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from notifier.admin.campaign_page import BUTTONS, rows_with_cards
from notifier.campaigns import states
from notifier.campaigns.forecast import forecast
from notifier.models import AuditEntry, MessageCount
from templates_app.signals import who_sends
from tests import builders
from tests.admin.browsing import html, text
from tests.admin.campaigning import LIST, do, form, page, someone
from tests.campaigns.campaigning import (
    a_group,
    checked,
    ended,
    launched,
    make_campaign,
    tick,
    upload,
)

pytestmark = pytest.mark.django_db(transaction=True)


def hidden(answer):
    """What the page that asks would send."""
    inputs = re.findall(r'type="hidden" name="(checked_at)" value="([^"]+)"', html(answer))
    assert inputs
    return dict(inputs)


@pytest.fixture
def template():
    return builders.make_template()


def test_what_runs_cannot_be_changed(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 2)))
    answer = someone("sender").post(
        f"{LIST}{campaign.pk}/change/", form(template, name="x", group=campaign.group_id)
    )
    assert "that cannot be done now" in text(answer)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.name) == ("running", "双十一")


def test_before_it_goes_it_says_in_numbers_what_will_happen(template):
    template.account.campaign_approval_from = 3
    template.account.save()
    group = a_group(template.account, 12)
    type(group.recipients.first()).objects.filter(pk=group.recipients.first().pk).update(
        state="unfollowed"
    )
    campaign = checked(make_campaign(template, group=group, canary_percent=50))
    ask = reverse("admin:campaign-do", args=[campaign.pk, "launch"])
    shown = " ".join(text(someone("sender").get(ask)).split())
    for part in (
        "People who get it 11",
        "Left out 1",
        "In the trial 10",
        "From 3 people",
        "云南白茶",
    ):
        assert part in shown
    campaign.refresh_from_db()
    assert campaign.state == "checked"  # nothing was done yet


def test_two_people_bring_a_large_one_on_its_way(template):
    template.account.campaign_approval_from = 2
    template.account.save()
    campaign = checked(make_campaign(template, group=a_group(template.account, 2)))
    writer, approver = someone("sender"), someone("approver")
    do(writer, campaign, "launch")
    assert campaign.state == "submitted"
    assert do(writer, campaign, "approve").status_code == 403
    both = someone("approver", "sender")
    states.withdraw(campaign.pk, "x")
    checked(campaign)
    do(both, campaign, "launch")
    do(both, campaign, "approve")
    assert campaign.state == "submitted"  # one's own
    assert "Somebody else must approve it" in page(both, campaign)
    do(approver, campaign, "approve")
    assert (campaign.state, campaign.approved_by) == ("scheduled", "approver")


def test_an_approver_approves_only_what_stood_on_their_page(template):
    template.account.campaign_approval_from = 0
    template.account.save()
    campaign = checked(make_campaign(template, group=a_group(template.account, 2)))
    states.launch(campaign.pk, "writer")
    approver = someone("approver")
    ask = reverse("admin:campaign-do", args=[campaign.pk, "approve"])
    seen = hidden(approver.get(ask))
    states.withdraw(campaign.pk, "writer")
    states.note_editor(campaign.pk, "writer")
    checked(campaign)
    states.launch(campaign.pk, "writer")

    for stale in (seen, {}, {"checked_at": "yesterday"}, {"checked_at": "2026-13-01T00:00"}):
        shown = text(approver.post(ask, stale, follow=True))
        assert "It was changed and checked again after you opened that page" in shown
        campaign.refresh_from_db()
        assert campaign.state == "submitted"
    approver.post(ask, hidden(approver.get(ask)))
    campaign.refresh_from_db()
    assert (campaign.state, campaign.approved_by) == ("scheduled", "approver")


def test_before_the_rest_goes_on_it_is_asked_in_numbers(template):
    campaign = make_campaign(
        template,
        state="paused",
        canary_over=True,
        ready=61_200,
        pace=1000,
        figures={"delivered": 200},
        reason=["Paused by %(who)s.", {"who": "li"}],
    )
    client = someone("sender")
    ask = reverse("admin:campaign-do", args=[campaign.pk, "resume"])
    assert f'href="{ask}"' in page(client, campaign)
    shown = " ".join(text(client.get(ask)).split())
    for part in ("Paused by li.", "Still to be sent 61,000", "Ends about 2"):
        assert part in shown


def test_it_is_paused_resumed_and_cancelled(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 4)))
    client = someone("sender")
    do(client, campaign, "pause")
    assert campaign.state == "paused"
    assert "Paused by sender." in page(client, campaign)
    do(client, campaign, "resume")
    assert campaign.state == "running"
    do(client, campaign, "cancel")
    assert campaign.state == "cancelled"
    do(client, campaign, "resume")
    assert campaign.state == "cancelled"
    assert "that cannot be done now" in page(client, campaign)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("sender", {"launch", "check", "pause", "resume", "withdraw", "cancel"}),
        ("approver", {"approve", "pause", "withdraw"}),
        ("author", set()),
        ("auditor", set()),
    ],
)
def test_whose_button_is_whose(template, role, allowed):
    client = someone(role)
    campaign = make_campaign(template, state="checked", ready=1)

    may = {name for name in BUTTONS if do(client, campaign, name).status_code != 403}
    assert may == allowed


def test_who_did_what_is_in_the_audit_trail(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 2)))
    do(someone("sender"), campaign, "pause")
    entry = AuditEntry.objects.filter(object_type="notifier.campaign").latest("pk")
    assert entry.actor == "sender"
    states_of = [json.loads(one)["state"] for one in (entry.before, entry.after)]
    assert states_of == ["running", "paused"]


def test_results_lead_to_the_log(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 3)))
    ended(campaign)
    tick(campaign)
    client = someone("sender")
    assert (
        f"campaign={campaign.pk}&amp;state__exact=delivered"
        in client.get(f"{LIST}{campaign.pk}/change/").content.decode()
    )
    other = builders.make_message(template)
    log = client.get(f"/admin/notifier/message/?campaign={campaign.pk}&state__exact=delivered")
    assert log.status_code == 200
    assert len(log.context["cl"].result_list) == 3
    assert other.pk not in {row.pk for row in log.context["cl"].result_list}


def test_the_page_asks_again_until_it_rests(template):
    campaign = launched(make_campaign(template, group=a_group(template.account, 1)))
    client = someone("sender")
    address = f"{LIST}{campaign.pk}/change/"
    assert "every 2s" in client.get(address).content.decode()
    ended(campaign)
    tick(campaign)
    assert client.get(address, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert "every 2s" not in client.get(address).content.decode()


def test_a_held_templates_page_names_the_campaigns_that_send_it(template):
    make_campaign(template, name="双十二")
    make_campaign(template, name="去年", state="done")
    (_receiver, names), *_ = who_sends.send(type(template), template=template)
    assert any("双十二" in name for name in names)
    assert not any("去年" in name for name in names)


def test_its_list_asks_no_more_with_more_rows(template, django_assert_max_num_queries):
    client = someone("sender")
    for _ in range(12):
        make_campaign(template)
    client.get(LIST)
    with django_assert_max_num_queries(12):
        assert client.get(LIST).status_code == 200


def test_the_forecast_knows_pace_and_quota(template):

    now = timezone.now()
    account = template.account
    account.daily_quota, account.urgent_reserve = 1000, 100
    account.save()
    campaign = make_campaign(template, ready=600, pace=10)
    found = forecast(campaign, now)
    assert (found.remaining, found.quota_left, found.days) == (600, 900, 1)
    assert found.ends_at == now + timedelta(seconds=60)
    campaign.ready = 900 + 900 + 90
    found = forecast(campaign, now)
    assert found.days == 3
    assert found.ends_at > now + timedelta(days=1)
    assert not MessageCount.objects.exists()


def test_its_cards_are_found_without_reading_the_whole_audience(
    template, django_assert_num_queries
):
    builders.make_recipient(template.account, user_id="u-1")
    campaign = make_campaign(template, audience="upload")
    upload(campaign, "user_id,product\nu-1,龙井\n")
    checked(campaign)
    with django_assert_num_queries(1) as asked:
        (row,) = rows_with_cards(campaign)
    assert row.number == 2
    where = asked.captured_queries[0]["sql"].partition("WHERE")[2]
    assert '"notifier_campaignrow"."id" IN' in where
    assert "龙井" in page(someone("sender"), campaign)


def test_large_numbers_are_grouped_everywhere(template):
    template.account.campaign_approval_from = 50_000
    template.account.save()
    campaign = make_campaign(
        template,
        state="paused",
        total=120_001,
        ready=118_002,
        refused=1_003,
        pace=1_200,
        problems={"too_long": 1_999},
        figures={"delivered": 48_004, "failed": 1_005},
        checked_at=timezone.now(),
        started_at=timezone.now(),
    )
    client = someone("sender")
    shown = text(client.get(f"{LIST}{campaign.pk}/change/"))
    grouped = ["120,001", "118,002", "1,003", "1,999", "48,004", "1,005", "1,200", "49,009"]
    assert [one for one in grouped if one not in shown] == []
    assert not re.search(r"(?<![-,:.\d])\d{5,}", shown)
    listed = text(client.get(LIST))
    assert "118,002" in listed
    assert "49,009" in listed
    for name in ("resume", "cancel"):
        assert "67,990" in text(client.get(reverse("admin:campaign-do", args=[campaign.pk, name])))
