"""The follower sync: whom WeChat lists follows, who is in no complete list has left."""

from datetime import timedelta

import pytest
from django.utils import timezone

from notifier.models import (
    FollowerSync,
    Recipient,
    RecipientState,
    Segment,
    Suppression,
    WeChatTag,
)
from notifier.models.syncs import SeenFollower
from notifier.recipients.following import details, job
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import Refused
from tests import builders

FOLLOWED = 1_700_000_000


def follower(number, **values):
    return {"openid": f"oF{number:026d}", "subscribed_at": FOLLOWED + number, **values}


def openids(*numbers):
    return [follower(number)["openid"] for number in numbers]


def synced(platform, **given):
    platform.configure(**given)
    sync = job.start(platform.account, "li")
    job.run(sync.pk)
    sync.refresh_from_db()
    return sync


def states():
    return dict(Recipient.objects.values_list("openid", "state"))


def old(platform, number, **values):
    row = builders.make_recipient(platform.account, openid=openids(number)[0], **values)
    long_ago = timezone.now() - timedelta(days=2)
    Recipient.objects.filter(pk=row.pk).update(created_at=long_ago, state_since=long_ago)
    return row


def test_followers_become_recipients_with_what_wechat_tells(platform):
    people = [follower(1, unionid="uONE"), follower(2)]
    sync = synced(platform, followers=people)
    assert (sync.state, sync.error, sync.seen, sync.new, sync.detailed) == ("done", "", 2, 2, 2)
    one = Recipient.objects.get(openid=openids(1)[0])
    assert (one.unionid, one.state) == ("uONE", "following")
    assert one.followed_at.timestamp() == FOLLOWED + 1
    assert not SeenFollower.objects.exists()


def test_a_list_of_several_pages_is_read_to_its_end(platform):
    sync = synced(platform, followers=[follower(number) for number in range(10_150)])
    assert (sync.state, sync.seen, sync.new) == ("done", 10_150, 10_150)
    assert Recipient.objects.exclude(followed_at=None).count() == 10_150


def test_who_is_listed_no_more_has_left(platform):
    old(platform, 1)
    old(platform, 2, name="李雷")
    sync = synced(platform, followers=[follower(1)])
    assert states() == dict(zip(openids(1, 2), ["following", "unfollowed"], strict=True))
    assert sync.left == 1
    assert Recipient.objects.get(openid=openids(2)[0]).name == "李雷"


def test_who_follows_again_is_cleared_of_refusals(platform):
    back = old(platform, 1, state="unfollowed")
    Suppression.objects.create(
        recipient=back, template=platform.template, errcode=43101, since=timezone.now()
    )
    sync = synced(platform, followers=[follower(1)])
    assert (states()[back.openid], sync.returned) == ("following", 1)
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("state", ["blacklisted", "refused", "erased"])
def test_what_the_list_does_not_say_stays(platform, state):
    person = old(platform, 1, state=state)
    synced(platform, followers=[follower(1)])
    assert states()[person.openid] == state


def test_an_event_after_the_passs_begin_is_newer_than_its_list(platform):
    platform.configure(followers=[follower(1)])
    gone, new = old(platform, 1), old(platform, 2, state="unfollowed")
    sync = job.start(platform.account)
    now = timezone.now()
    Recipient.objects.filter(pk=gone.pk).update(state="unfollowed", state_since=now)
    Recipient.objects.filter(pk=new.pk).update(state="following", state_since=now)
    job.run(sync.pk)
    assert states() == {gone.openid: "unfollowed", new.openid: "following"}


@pytest.mark.parametrize("listed", [0, 50])
def test_an_incomplete_list_marks_nobody(platform, monkeypatch, listed):
    """WeChat says 100 and lists fewer: people did not leave, the list is broken."""
    person = old(platform, 999)
    whole = WeChatClient.followers

    def broken(client, after=""):
        page = whole(client, after)
        return type(page)(page.openids[:listed], "", page.total)

    monkeypatch.setattr(WeChatClient, "followers", broken)
    sync = synced(platform, followers=[follower(number) for number in range(100)])
    assert (sync.state, sync.phase) == ("failed", "leavers")
    assert states()[person.openid] == RecipientState.FOLLOWING


def test_a_pass_that_is_broken_off_goes_on_with_its_page(platform, monkeypatch):
    """The worker dies after the first page; the second worker asks for the second page alone."""
    platform.configure(followers=[follower(number) for number in range(10_001)])
    asked = []
    whole = WeChatClient.followers

    def dies(client, after=""):
        asked.append(after)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return whole(client, after)

    monkeypatch.setattr(WeChatClient, "followers", dies)
    sync = job.start(platform.account)
    with pytest.raises(KeyboardInterrupt):
        job.run(sync.pk)
    assert Recipient.objects.count() == 10_000
    FollowerSync.objects.update(lease_until=None)
    job.run(sync.pk)
    sync.refresh_from_db()
    last = follower(9_999)["openid"]
    assert asked == ["", last, last, follower(10_000)["openid"]]
    assert (sync.state, sync.seen) == ("done", 10_001)


def test_a_page_whose_last_person_has_left_meanwhile_is_begun_anew(platform, monkeypatch):
    platform.configure(followers=[follower(number) for number in range(3)])
    sync = job.start(platform.account)
    FollowerSync.objects.update(cursor=builders.openid("gone"))
    job.run(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, sync.seen) == ("done", 3)


@pytest.mark.parametrize(
    ("errcode", "state"),
    [(48001, "failed"), (-1, "running")],
)
def test_what_wechat_refuses_is_told_and_what_passes_is_tried_again(platform, errcode, state):
    platform.configure(followers=[follower(1)])
    fault = {"path": "/cgi-bin/user/get", "errcode": errcode, "times": 1}
    platform.simulator.control("POST", "/faults", fault)
    sync = job.start(platform.account)
    job.run(sync.pk)
    sync.refresh_from_db()
    assert sync.state == state
    if state == "failed":
        assert "48001" in sync.error
        assert job.start(platform.account).pk == sync.pk
    FollowerSync.objects.update(lease_until=None)
    job.run(sync.pk)
    sync.refresh_from_db()
    assert sync.state == "done"


def test_one_pass_at_a_time(platform):
    assert job.start(platform.account) is not None
    assert job.start(platform.account) is None


def test_an_openid_that_wechat_does_not_know_spoils_no_others_details(platform, monkeypatch):
    class Client:
        def follower_details(self, asked):
            if "bad" in asked:
                raise Refused(40003, "invalid openid", "")
            return [{"openid": one} for one in asked]

    asked = [f"o{number}" for number in range(99)] + ["bad"]
    assert [one["openid"] for one in details._details(Client(), asked)] == asked[:-1]


def test_a_unionid_that_somebody_imported_for_another_person_moves(platform):
    wrong = old(platform, 2, unionid="uONE")
    synced(platform, followers=[follower(1, unionid="uONE"), follower(2)])
    wrong.refresh_from_db()
    assert wrong.unionid == ""
    assert Recipient.objects.get(unionid="uONE").openid == openids(1)[0]


def tag(number, name, *members):
    return {"id": number, "name": name, "openids": openids(*members)}


def members():
    return {
        one.name: sorted(one.recipients.values_list("openid", flat=True))
        for one in WeChatTag.objects.all()
    }


def test_tags_and_their_members_are_as_at_wechat(platform):
    people = [follower(number) for number in range(4)]
    synced(platform, followers=people, tags=[tag(100, "老客户", 0, 1), tag(101, "北京", 1)])
    assert members() == {"老客户": openids(0, 1), "北京": openids(1), "星标组": []}
    synced(platform, followers=people, tags=[tag(100, "VIP", 1, 2)])
    assert members() == {"VIP": openids(1, 2), "星标组": []}


def test_a_tag_that_a_segment_asks_for_stays_and_is_empty(platform):
    people = [follower(1)]
    synced(platform, followers=people, tags=[tag(100, "老客户", 1)])
    asked_for = WeChatTag.objects.get(wechat_id=100)
    Segment.objects.create(account=platform.account, name="s", tag=asked_for)
    synced(platform, followers=people, tags=[])
    assert members()["老客户"] == []


def test_the_clock_starts_it_once_a_night(platform, settings, work):
    platform.configure(followers=[follower(1)])
    local = timezone.localtime()
    settings.FOLLOWER_SYNC_HOUR = local.hour
    for _ in range(3):
        job.tick(timezone.now())
        work()
    assert FollowerSync.objects.get().state == "done"
    assert states() == {openids(1)[0]: "following"}
    settings.FOLLOWER_SYNC_HOUR = (local.hour + 1) % 24
    FollowerSync.objects.all().delete()
    job.tick(timezone.now())
    assert not FollowerSync.objects.exists()


def test_another_accounts_people_are_left_alone(platform):
    other = builders.make_recipient(builders.make_account(), openid=openids(9)[0])
    Recipient.objects.update(created_at=timezone.now() - timedelta(days=1))
    synced(platform, followers=[follower(1)])
    assert states()[other.openid] == "following"
