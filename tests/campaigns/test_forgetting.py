"""Audiences are forgotten: first their files and values, later who was in them."""

import os

import pytest
from django.db.models import Q

from notifier.campaigns import forgetting
from notifier.campaigns.files import files
from notifier.campaigns.forgetting import forget_audiences, forget_uploads
from notifier.campaigns.replay import make_replay
from notifier.campaigns.states import NotAllowed
from notifier.models import Campaign
from notifier.retention import sweep as sweeping
from notifier.retention.sweep import sweep
from tests import builders
from tests.campaigns.campaigning import a_group, ago, checked, make_campaign, upload

pytestmark = pytest.mark.django_db(transaction=True)


def uploaded(template, *, state, days, **values):
    """Made, uploaded and checked so many days ago, with a row that has a value."""
    builders.make_recipient(template.account, user_id="u-1")
    campaign = make_campaign(template, audience="upload")
    upload(campaign, "user_id,product\nu-1,龙井\nu-9,龙井\n")
    checked(campaign)
    then = ago(days=days)
    for path in (files.upload(campaign.pk), files.errors(campaign.pk)):
        os.utime(path, (then.timestamp(), then.timestamp()))
    times = {"created_at": then, "checked_at": then}
    Campaign.objects.filter(pk=campaign.pk).update(state=state, **times | values)
    return campaign


def has_files(campaign):
    return files.upload(campaign.pk).exists() or files.errors(campaign.pk).exists()


def has_values(campaign):
    return any(row.data for row in campaign.rows.all())


@pytest.mark.parametrize(
    ("state", "keeps_file", "keeps_values"),
    [
        *((one, False, False) for one in ("draft", "checked", "done", "cancelled")),
        *((one, False, True) for one in ("submitted", "scheduled", "canary", "running", "paused")),
        ("checking", True, True),
    ],
)
def test_an_upload_is_forgotten_a_while_after_the_last_change(
    template, settings, state, keeps_file, keeps_values
):
    settings.IMPORT_KEEP_DAYS = 7
    campaign = uploaded(template, state=state, days=8)
    forget_uploads()
    assert (has_files(campaign), has_values(campaign)) == (keeps_file, keeps_values)
    if state == "paused":  # and once it has ended, its values too
        Campaign.objects.filter(pk=campaign.pk).update(state="cancelled", finished_at=ago(days=8))
        forget_uploads()
        assert not has_values(campaign)


@pytest.mark.parametrize("lately", ["created_at", "checked_at", "finished_at", "file"])
def test_what_was_touched_lately_is_kept(template, settings, lately):
    settings.IMPORT_KEEP_DAYS = 7
    values = {} if lately == "file" else {lately: ago(days=6)}
    campaign = uploaded(template, state="checked", days=8, **values)
    if lately == "file":  # another one, saved in a draft
        upload(campaign, "user_id,product\nu-1,龙井\n")
    forget_uploads()
    assert has_files(campaign)
    assert has_values(campaign)


def test_after_forgetting_a_check_asks_for_the_file_and_a_new_one_is_forgotten_in_turn(
    template, settings
):
    settings.IMPORT_KEEP_DAYS = 7
    campaign = uploaded(template, state="draft", days=8)
    forget_uploads()
    checked(campaign)
    assert campaign.reason[0] == "The file is no longer there. Upload it again."
    upload(campaign, "user_id,product\nu-1,龙井\n")
    assert checked(campaign).state == "checked"
    assert has_values(campaign)
    then = ago(days=8)
    os.utime(files.upload(campaign.pk), (then.timestamp(), then.timestamp()))
    Campaign.objects.filter(pk=campaign.pk).update(checked_at=then)
    forget_uploads()
    assert not has_files(campaign)
    assert not has_values(campaign)


def test_a_check_that_begins_while_values_are_forgotten_keeps_its_own(template, monkeypatch):
    campaign = uploaded(template, state="draft", days=400)
    empty_rows = forgetting._empty_rows

    def meanwhile(*args):
        upload(campaign, "user_id,product\nu-1,白茶\n")
        checked(campaign)
        empty_rows(*args)

    monkeypatch.setattr(forgetting, "_empty_rows", meanwhile)
    forget_uploads()
    assert [row.data for row in campaign.rows.all()] == [{"product": "白茶"}]
    campaign.refresh_from_db()
    assert campaign.forgotten_at is None
    assert files.upload(campaign.pk).exists()


KEPT = ("submitted", "scheduled", "canary", "running", "paused", "checking")


@pytest.fixture
def old(template, settings, monkeypatch):
    """Makes a campaign to five people that was last touched so many days ago."""
    settings.MESSAGE_KEEP_DAYS = 30
    monkeypatch.setattr(sweeping, "SLICE", 2)
    monkeypatch.setattr(sweeping, "PAUSE_SECONDS", 0)
    group = a_group(template.account, 5)

    def make(days, **values):
        campaign = checked(make_campaign(template, group=group))
        times = {name: ago(days=days) for name in ("created_at", "checked_at", "finished_at")}
        Campaign.objects.filter(pk=campaign.pk).update(**times | values)
        campaign.refresh_from_db()
        return campaign

    return make


def swept():
    """As the clock does: marked, and deleted a slice at a time."""
    forget_audiences()
    while sweep():
        pass


@pytest.mark.parametrize("state", ["draft", "checked", "done", "cancelled", *KEPT])
def test_who_was_in_an_audience_goes_as_long_after_the_end_as_messages_do(old, state):
    young, campaign, another = old(29, state=state), old(31, state=state), old(32, state=state)
    swept()
    assert young.rows.count() == 5
    for one in (campaign, another):
        assert one.rows.count() == (5 if state in KEPT else 0)
    campaign.refresh_from_db()
    assert (campaign.total, campaign.ready) == (5, 5)
    assert bool(campaign.audience_deleted_at) is (state not in KEPT)


def test_without_days_audiences_are_kept(old, settings):
    settings.MESSAGE_KEEP_DAYS = 0
    campaign = old(4000, state="done")
    swept()
    assert campaign.rows.count() == 5


def test_who_never_had_an_audience_has_not_lost_it(old, template):
    campaign = make_campaign(template)
    Campaign.objects.filter(pk=campaign.pk).update(created_at=ago(days=31))
    swept()
    campaign.refresh_from_db()
    assert campaign.audience_deleted_at is None


def test_a_check_that_begins_while_an_audience_goes_keeps_its_own(old):
    campaign = old(31, state="checked")
    forget_audiences()
    assert sweep()
    assert campaign.rows.count() == 3
    checked(campaign)
    swept()
    assert campaign.rows.count() == 5
    campaign.refresh_from_db()
    assert campaign.audience_deleted_at is None


def test_without_its_audience_a_campaign_has_no_replay(old):
    campaign = old(31, state="done")
    forget_audiences()
    campaign.refresh_from_db()
    with pytest.raises(NotAllowed, match="Its audience was deleted"):
        make_replay(campaign, Q(), "somebody")
