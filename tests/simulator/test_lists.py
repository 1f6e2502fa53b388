"""Templates, followers, blacklist, quota and the other small calls."""

import pytest

from .conftest import FOLLOWER, TYPED, Official


def test_templates_are_listed_without_errcode(official: Official) -> None:
    listed = official.get("/cgi-bin/template/get_all_private_template")
    assert set(listed) == {"template_list"}
    names = {"template_id", "title", "primary_industry", "deputy_industry", "content", "example"}
    assert set(listed["template_list"][0]) == names


def test_a_deleted_template_cannot_be_sent(official: Official) -> None:
    body = {"template_id": TYPED}
    assert official.post("/cgi-bin/template/del_private_template", body)["errcode"] == 0
    assert official.send()["errcode"] == 40037


def test_an_added_template_can_be_sent(official: Official) -> None:
    body = {"template_id_short": "47123", "keyword_name_list": ["订单号", "时间"]}
    template_id = official.post("/cgi-bin/template/api_add_template", body)["template_id"]
    data = {"character_string1": {"value": "A"}, "time2": {"value": "15:01"}}
    assert official.send(template_id=template_id, data=data)["errcode"] == 0


def test_the_industry_has_its_own_names(official: Official) -> None:
    assert set(official.get("/cgi-bin/template/get_industry")) == {
        "primary_industry",
        "secondary_industry",
    }


def test_followers_come_in_pages_of_10000(official: Official) -> None:
    openids = [f"o{number:027d}" for number in range(10_001)]
    official.change(followers=openids)
    first = official.get("/cgi-bin/user/get")
    assert (first["total"], first["count"], first["next_openid"]) == (10_001, 10_000, openids[9999])
    second = official.get("/cgi-bin/user/get", next_openid=first["next_openid"])
    assert second["data"]["openid"] == openids[10_000:]
    last = official.get("/cgi-bin/user/get", next_openid=second["next_openid"])
    assert last == {"total": 10_001, "count": 0, "next_openid": ""}


def test_user_info_of_one_who_left_says_only_that(official: Official) -> None:
    assert official.get("/cgi-bin/user/info", openid=FOLLOWER)["subscribe"] == 1
    body = {"appid": official.appid, "openid": FOLLOWER, "subscribe": False}
    official.simulator.control("POST", "/follow", body)
    info = official.get("/cgi-bin/user/info", openid=FOLLOWER)
    assert (info["subscribe"], "subscribe_time" in info) == (0, False)


@pytest.mark.parametrize(("count", "errcode"), [(0, 40032), (2, None), (101, 40032)])
def test_batch_info_takes_up_to_100(official: Official, count: int, errcode: int | None) -> None:
    rows = [{"openid": FOLLOWER, "lang": "zh_CN"}] * count
    answer = official.post("/cgi-bin/user/info/batchget", {"user_list": rows})
    assert answer.get("errcode") == errcode
    assert len(answer.get("user_info_list", [])) == (0 if errcode else count)


def test_a_blacklisted_follower_is_43019_until_removed(official: Official) -> None:
    members, body = "/cgi-bin/tags/members", {"openid_list": [FOLLOWER]}
    assert official.post(f"{members}/batchblacklist", body)["errcode"] == 0
    assert official.send()["errcode"] == 43019
    listed = official.post(f"{members}/getblacklist", {"begin_openid": ""})
    assert listed["data"]["openid"] == [FOLLOWER]
    assert official.post(f"{members}/batchunblacklist", body)["errcode"] == 0
    assert official.send()["errcode"] == 0


@pytest.mark.parametrize("openid", [[FOLLOWER], {}, None, 1])
def test_an_openid_that_is_no_text_is_refused(official: Official, openid: object) -> None:
    rows = {"user_list": [{"openid": openid}]}
    assert official.post("/cgi-bin/user/info/batchget", rows)["errcode"] == 40003
    for call in ("batchblacklist", "batchunblacklist"):
        body = {"openid_list": [FOLLOWER, openid]}
        assert official.post(f"/cgi-bin/tags/members/{call}", body)["errcode"] == 40031


def test_the_quota_is_counted(official: Official) -> None:
    official.send()
    body = {"cgi_path": "/cgi-bin/message/template/send"}
    answer = official.post("/cgi-bin/openapi/quota/get", body)
    assert answer["quota"] == {"daily_limit": 100_000, "used": 1, "remain": 99_999}
    assert official.post("/cgi-bin/openapi/quota/get", {"cgi_path": "/x"})["errcode"] == 76021


def test_quota_is_cleared_by_secret_too(official: Official) -> None:
    official.change(send_quota=0)
    body = {"appid": official.appid, "appsecret": official.secret}
    assert official.post("/cgi-bin/clear_quota/v2", body)["errcode"] == 0


@pytest.mark.parametrize("path", ["/cgi-bin/get_api_domain_ip", "/cgi-bin/getcallbackip"])
def test_server_addresses(official: Official, path: str) -> None:
    assert official.get(path) == {"ip_list": ["127.0.0.1"]}


def test_the_callback_check_knows_its_actions(official: Official) -> None:
    official.change(callback_url="http://127.0.0.1:1/x")
    body = {"action": "all", "check_operator": "DEFAULT"}
    assert set(official.post("/cgi-bin/callback/check", body)) == {"dns", "ping"}
    assert official.post("/cgi-bin/callback/check", {"action": "x"})["errcode"] == 40202


@pytest.mark.parametrize(("unreachable", "loss"), [(False, "0%"), (True, "100%")])
def test_a_callback_that_cannot_be_reached_loses_its_pings(
    official: Official, unreachable: bool, loss: str
) -> None:
    official.change(callback_url="http://127.0.0.1:1/x", callback_unreachable=unreachable)
    body = {"action": "ping", "check_operator": "DEFAULT"}
    (ping,) = official.post("/cgi-bin/callback/check", body)["ping"]
    assert ping["package_loss"] == loss


def test_a_tags_members_come_in_pages(official: Official) -> None:
    openids = [f"o{number:027d}" for number in range(10_001)]
    official.change(followers=openids, tags=[{"id": 100, "name": "vip", "openids": openids}])
    tag = {"id": 100, "name": "vip", "count": 10_001}
    assert tag in official.get("/cgi-bin/tags/get")["tags"]
    body = {"tagid": 100, "next_openid": ""}
    first = official.post("/cgi-bin/user/tag/get", body)
    assert (first["count"], first["next_openid"]) == (10_000, openids[9_999])
    second = official.post("/cgi-bin/user/tag/get", body | {"next_openid": openids[9_999]})
    assert second["data"]["openid"] == openids[10_000:]
    assert official.post("/cgi-bin/user/tag/get", {"tagid": 9})["errcode"] == 45159


def test_details_tell_unionid_and_tags_where_there_are_any(official: Official) -> None:
    followers = [{"openid": FOLLOWER, "unionid": "uX", "subscribed_at": 1_700_000_000}]
    official.change(followers=followers, tags=[{"id": 100, "name": "v", "openids": [FOLLOWER]}])
    told = official.get("/cgi-bin/user/info", openid=FOLLOWER)
    assert (told["unionid"], told["tagid_list"]) == ("uX", [100])
    assert told["subscribe_time"] == 1_700_000_000
