"""The two token endpoints: lifetimes, overlap, refusals, and losing a token."""

import time

import pytest
import requests

from .conftest import Official


def test_a_stable_token_stays_the_same(official: Official) -> None:
    first, second = official.stable(), official.stable()
    assert first["access_token"] == second["access_token"]
    assert 7190 <= second["expires_in"] <= 7200
    assert "errcode" not in first


def test_a_forced_refresh_makes_a_new_one_and_the_old_lives_on(official: Official) -> None:
    old = official.token
    assert official.stable(force_refresh=True)["access_token"] != old
    assert official.send()["errcode"] == 0


def test_a_second_forced_refresh_within_30_seconds_changes_nothing(official: Official) -> None:
    first = official.stable(force_refresh=True)
    assert official.stable(force_refresh=True)["access_token"] == first["access_token"]


def test_the_plain_token_is_new_each_time_and_only_the_last_two_work(official: Official) -> None:
    tokens = [official.plain_token()["access_token"] for _ in range(3)]
    codes = []
    for official.token in tokens:
        codes.append(official.send()["errcode"])
    assert codes == [40001, 0, 0]


def test_the_two_endpoints_do_not_disturb_each_other(official: Official) -> None:
    official.plain_token()
    official.plain_token()
    assert official.send()["errcode"] == 0
    assert official.stable()["access_token"] == official.token


def test_the_plain_token_has_a_quota_of_2000_a_day(official: Official) -> None:
    codes = [official.plain_token().get("errcode") for _ in range(2001)]
    assert codes[:2000] == [None] * 2000
    assert codes[2000] == 45009


def test_an_expired_token_is_42001_and_is_replaced(official: Official) -> None:
    official.change(token_lifetime=1)
    official.simulator.control("POST", "/kill-token", {"appid": official.appid})
    official.token = official.stable()["access_token"]
    time.sleep(1.05)
    assert official.send()["errcode"] == 42001
    assert official.stable()["access_token"] != official.token


def test_a_killed_token_is_40001_and_the_next_fetch_gives_a_new_one(official: Official) -> None:
    official.simulator.control("POST", "/kill-token", {"appid": official.appid})
    assert official.send()["errcode"] == 40001
    official.token = official.stable()["access_token"]
    assert official.send()["errcode"] == 0


def test_an_unknown_token_is_40001_and_none_is_41001(official: Official) -> None:
    official.token = "83_nobody"
    assert official.send()["errcode"] == 40001
    official.token = ""
    assert official.send()["errcode"] == 41001


def test_stable_token_wants_post(official: Official) -> None:
    assert official.get("/cgi-bin/stable_token")["errcode"] == 43002


@pytest.mark.parametrize(
    ("field", "value", "errcode"),
    [
        ("grant_type", "password", 40002),
        ("appid", "", 41002),
        ("appid", "wxffffffffffffffff", 40013),
        ("secret", "", 41004),
        ("secret", "0" * 32, 40125),
    ],
)
def test_wrong_credentials_are_named(
    official: Official, field: str, value: str, errcode: int
) -> None:
    assert official.stable(**{field: value})["errcode"] == errcode
    assert official.plain_token(**{field: value})["errcode"] == errcode


def test_a_frozen_secret_is_40243(official: Official) -> None:
    official.change(frozen=True)
    assert official.stable()["errcode"] == 40243


def test_an_address_off_the_whitelist_is_told_with_its_ip(official: Official) -> None:
    official.change(ip_not_whitelisted="1.2.3.4")
    refused = official.stable()
    assert refused["errcode"] == 40164
    expected = "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist rid: "
    assert refused["errmsg"].startswith(expected)


def test_an_empty_body_is_44002(official: Official) -> None:
    answer = requests.post(f"{official.simulator.url}/cgi-bin/stable_token", timeout=5)
    assert answer.json()["errcode"] == 44002
