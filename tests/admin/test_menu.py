"""The menu's badges: how much waits for somebody, seen on every page by who can do something."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifier.dispatch import gate
from notifier.dispatch.lanes import redis
from notifier.models import Campaign, CampaignState
from templates_app.access import limit
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders
from tests.admin.browsing import html
from tests.admin.conftest import StaffMaker

SENDING, CAMPAIGNS = "Sending", "Campaigns"
ENDPOINTS = "Webhook endpoints"


def badges(client: Client, where: str = "admin:index") -> dict[str, str]:
    """Item -> what stands in its badge, of the items that have one."""
    page = html(client.get(reverse(where)))
    found = {}
    for link in re.findall(r"<a [^>]*>.*?</a>", page, re.DOTALL):
        texts = [one.strip() for one in re.findall(r">([^<]+)<", link) if one.strip()]
        if "min-w-[18px]" in link:
            _icon, title, badge = texts
            found[title] = badge
    return found


def campaign(account: OfficialAccount, state: CampaignState) -> None:
    template = builders.make_template(account)
    Campaign.objects.create(
        name="x", account=account, version=template.published, state=state.value
    )


@pytest.fixture
def troubled(account: OfficialAccount) -> OfficialAccount:
    limits = gate.Limits(0, 0, 0)
    for _ in range(gate.FAILURES):
        gate.tell(account.pk, gate.Report(failures=1), limits, timezone.now())
    template = builders.make_template(account)
    MessageTemplate.objects.filter(pk=template.pk).update(held_since=timezone.now())
    for state in (CampaignState.PAUSED, CampaignState.SUBMITTED, CampaignState.RUNNING):
        campaign(account, state)
    failing = {"failures": 9, "failing_since": timezone.now()}
    builders.make_endpoint(builders.make_client(), **failing)
    return account


def test_where_nothing_waits_there_is_no_badge(root: Client, account: OfficialAccount) -> None:
    campaign(account, CampaignState.RUNNING)
    assert badges(root) == {}


@pytest.mark.parametrize("where", ["admin:index", "admin:notifier_message_changelist"])
def test_what_waits_for_somebody_is_counted(
    root: Client, troubled: OfficialAccount, where: str
) -> None:
    assert badges(root, where) == {SENDING: "2", CAMPAIGNS: "2", ENDPOINTS: "1"}


def test_a_badge_counts_what_its_reader_can_decide(
    staff: StaffMaker, troubled: OfficialAccount
) -> None:
    view = "notifier.view_campaign"
    assert badges(staff(view)) == {}
    assert badges(staff(view, "notifier.approve_campaign")) == {CAMPAIGNS: "1"}
    assert badges(staff("notifier.approve_campaign")) == {}
    assert badges(staff("notifier.view_message")) == {SENDING: "2"}


def test_what_is_of_other_accounts_is_not_counted(
    root: Client, staff: StaffMaker, troubled: OfficialAccount
) -> None:
    client = staff("notifier.view_message", "notifier.view_campaign", "notifier.run_campaign")
    assert badges(client) == {SENDING: "2", CAMPAIGNS: "1"}
    user = client.get(reverse("admin:index")).wsgi_request.user
    other = builders.make_account()
    limit(user, OfficialAccount.objects.filter(pk=other.pk))
    assert badges(client) == {}


def test_a_redis_that_is_away_is_told(
    root: Client, account: OfficialAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = type(redis())(host="127.0.0.1", port=9, socket_connect_timeout=1)
    monkeypatch.setattr(gate, "redis", lambda: nowhere)
    assert badges(root) == {SENDING: "!"}
