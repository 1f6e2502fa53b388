"""Followers and templates, as WeChat lists them."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from notifier.gateway import people
from notifier.models import WeChatTag
from templates_app.models import ListedTemplate
from tests import builders


@pytest.fixture
def account(template):
    return template.account


def get(caller, path, **query):
    return caller.get(path, access_token=caller.token(), **query)


def test_followers_come_in_pages(caller, account, monkeypatch):
    monkeypatch.setattr(people, "PAGE", 2)
    wanted = sorted(builders.make_recipient(account).openid for _ in range(5))
    for state in ("unfollowed", "erased", "blacklisted"):
        builders.make_recipient(account, state=state)
    builders.make_recipient(builders.make_account())
    found, after, pages = [], "", 0
    while True:
        page = get(caller, "user/get", next_openid=after)
        assert page["total"] == 5
        if not page["count"]:
            assert page == {"total": 5, "count": 0, "next_openid": ""}
            break
        assert page["count"] == len(page["data"]["openid"]) <= 2
        assert page["next_openid"] == page["data"]["openid"][-1]
        found += page["data"]["openid"]
        after, pages = page["next_openid"], pages + 1
    assert (found, pages) == (wanted, 3)


def test_a_page_begins_after_somebody_who_left_meanwhile(caller, account):
    first, second = sorted(
        (builders.make_recipient(account) for _ in range(2)), key=lambda one: one.openid
    )
    first.state = "unfollowed"
    first.save()
    page = get(caller, "user/get", next_openid=first.openid)
    assert page["data"]["openid"] == [second.openid]


def test_a_follower_is_told_as_wechat_does(caller, account):
    since = datetime(2025, 1, 1, tzinfo=UTC)
    person = builders.make_recipient(
        account, unionid="u-1", name="李雷", email="li@example.com", followed_at=since
    )
    person.tags.add(WeChatTag.objects.create(account=account, wechat_id=134, name="vip"))
    found = get(caller, "user/info", openid=person.openid, lang="zh_CN")
    assert found == {
        "subscribe": 1,
        "openid": person.openid,
        "language": "zh_CN",
        "subscribe_time": int(since.timestamp()),
        "unionid": "u-1",
        "remark": "",
        "groupid": 0,
        "tagid_list": [134],
        "subscribe_scene": "ADD_SCENE_OTHERS",
        "qr_scene": 0,
        "qr_scene_str": "",
    }


def test_who_left_is_told_as_no_more_than_that(caller, account):
    person = builders.make_recipient(account, state="unfollowed", unionid="u-1")
    assert get(caller, "user/info", openid=person.openid) == {
        "subscribe": 0,
        "openid": person.openid,
        "tagid_list": [],
    }


@pytest.mark.parametrize("openid", ["oNobody", "", "\0", "o" * 100, "用户"])
def test_nobody_is_an_invalid_openid(caller, openid):
    assert get(caller, "user/info", openid=openid)["errcode"] == 40003
    assert get(caller, "user/get", next_openid=openid).get("errcode") == (
        None if openid in ("oNobody", "") else 40003
    )


def test_another_accounts_follower_is_nobody(caller):
    person = builders.make_recipient(builders.make_account())
    assert get(caller, "user/info", openid=person.openid)["errcode"] == 40003


def test_an_erased_person_is_nobody(caller, account):
    person = builders.make_recipient(account, state="erased")
    assert get(caller, "user/info", openid=person.openid)["errcode"] == 40003


def test_a_hundred_followers_are_told_at_once(caller, account):
    wanted = [builders.make_recipient(account).openid for _ in range(100)]
    asked = [{"openid": openid, "lang": "zh_CN"} for openid in wanted]
    found = caller.post("user/info/batchget", {"user_list": asked})["user_info_list"]
    assert [one["openid"] for one in found] == wanted
    more = caller.post("user/info/batchget", {"user_list": [*asked, asked[0]]})
    assert more["errcode"] == 40032


@pytest.mark.parametrize(
    ("users", "errcode"),
    [(None, 40032), ([], 40032), ("o1", 40032), ([1], 40003), ([{"openid": "oNobody"}], 40003)],
)
def test_a_list_that_is_none_is_refused(caller, users, errcode):
    assert caller.post("user/info/batchget", {"user_list": users})["errcode"] == errcode


def test_templates_are_those_of_the_last_sync(caller, account):
    known = {"account": account, "content": "商品:{{thing2.DATA}}", "seen_at": timezone.now()}
    for name, values in {"a": {}, "gone": {"gone_since": timezone.now()}}.items():
        ListedTemplate.objects.create(
            wechat_template_id=name, title="订单", example="商品:茶", **known, **values
        )
    (found,) = get(caller, "template/get_all_private_template")["template_list"]
    assert found == {
        "template_id": "a",
        "title": "订单",
        "primary_industry": "",
        "deputy_industry": "",
        "content": "商品:{{thing2.DATA}}",
        "example": "商品:茶",
    }
