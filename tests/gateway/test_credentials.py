"""Access tokens: WeChat's two calls, and when a token is dead."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from notifier.models import ApiClient, Gateway, Message, gateways, keys
from tests import builders

HOURS = timedelta(hours=1)


def forget():
    """As after two seconds, or in another process."""
    keys.memory.forget()
    gateways.memory.forget()


def asked(caller, **changes):
    given = {"grant_type": "client_credential", "appid": caller.gateway.appid}
    given |= {"secret": caller.secret} | changes
    return {name: value for name, value in given.items() if value is not None}


def stable(caller, **changes):
    return caller.post("stable_token", asked(caller, **changes), token="")


def code(caller, token):
    return caller.post("user/info/batchget", {"user_list": []}, token=token)["errcode"]


WORKS = 40032  # it got as far as its body


def test_a_token_is_wechats(caller):
    found = caller.get("token", **asked(caller))
    assert found.keys() == {"access_token", "expires_in"}
    assert found["expires_in"] == 7200
    assert len(found["access_token"]) <= 512
    assert code(caller, found["access_token"]) == WORKS


def test_each_call_gives_another_and_the_earlier_ones_go_on(caller):
    first, second = caller.token(), caller.token()
    assert first != second
    assert [code(caller, one) for one in (first, second)] == [WORKS, WORKS]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"appid": None}, 41002),
        ({"secret": None}, 41004),
        ({"grant_type": "password"}, 40002),
        ({"grant_type": None}, 40002),
        ({"appid": "wx0000000000000000"}, 40013),
        ({"appid": "\0"}, 40013),
        ({"secret": "hy_wrong"}, 40125),
        ({"secret": "密"}, 40125),
    ],
)
def test_wrong_credentials_are_named(caller, changes, errcode):
    for found in (caller.get("token", **asked(caller, **changes)), stable(caller, **changes)):
        assert found["errcode"] == errcode
        assert " rid: " in found["errmsg"]


def test_another_clients_key_is_no_secret(caller):
    other: ApiClient = builders.make_client()
    assert stable(caller, secret=other.make_key())["errcode"] == 40125


def test_each_of_the_clients_keys_is_a_secret(caller, service):
    assert "access_token" in stable(caller, secret=service.make_key())


def test_a_stable_token_stays_until_near_its_end(caller):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = stable(caller)
        assert 300 <= first["expires_in"] <= 7200
        clock.shift(timedelta(seconds=first["expires_in"] - 300 - 1))
        assert stable(caller)["access_token"] == first["access_token"]
        clock.shift(timedelta(seconds=2))
        next_one = stable(caller)
        assert next_one["access_token"] != first["access_token"]
        assert next_one["expires_in"] > 7100
        assert code(caller, first["access_token"]) == WORKS
        clock.shift(timedelta(seconds=300))
        assert code(caller, first["access_token"]) == 42001
        assert code(caller, next_one["access_token"]) == WORKS


def test_a_forced_refresh_ends_the_token_and_not_those_of_the_other_call(caller):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first, other = stable(caller)["access_token"], caller.token()
        clock.shift(1)
        second = stable(caller, force_refresh=True)
        assert second["access_token"] != first
        assert second["expires_in"] == 7200
        assert code(caller, first) == 40001
        assert code(caller, other) == WORKS
        assert code(caller, second["access_token"]) == WORKS
        clock.shift(29)
        assert stable(caller, force_refresh=True)["access_token"] == second["access_token"]
        clock.shift(2)
        assert stable(caller, force_refresh=True)["access_token"] != second["access_token"]


def test_a_token_dies_with_its_key(caller, service):
    tokens = [caller.token(), stable(caller)["access_token"]]
    service.keys.update(revoked_at=timezone.now())
    forget()
    assert [code(caller, one) for one in tokens] == [40001, 40001]


def test_a_token_dies_when_its_key_expires(caller, service):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        service.keys.update(expires_at=timezone.now() + HOURS)
        token = caller.token()
        clock.shift(HOURS + timedelta(seconds=1))
        assert code(caller, token) == 40001


def test_a_token_expires(caller):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token = caller.token()
        clock.shift(2 * HOURS)
        assert code(caller, token) == 42001


def test_a_client_that_is_switched_off_has_no_token(caller, service):
    token = caller.token()
    service.is_active = False
    service.save()
    assert code(caller, token) == 40001


def test_a_gateway_without_an_account_is_off(caller, body):
    token = caller.token()
    Gateway.objects.update(account=None)
    forget()
    assert caller.post("message/template/send", body, token=token)["errcode"] == 48001
    assert stable(caller)["errcode"] == 48001
    assert not Message.objects.exists()


@pytest.mark.parametrize("token", ["80_x", "hy_gw_", "hy_gw_AAAA", "hy_gw_é", "x" * 600])
def test_what_is_no_token_of_ours_is_refused(caller, token):
    assert code(caller, token) == 40001


def test_a_token_that_was_altered_is_refused(caller):
    token = caller.token()
    for place in (6, 20, 60, len(token) - 1):
        other = "A" if token[place] != "A" else "B"
        assert code(caller, token[:place] + other + token[place + 1 :]) == 40001


def test_without_a_token_wechat_says_so(caller, body):
    assert caller.post("message/template/send", body, token="")["errcode"] == 41001


def test_methods_are_wechats(caller, body):
    assert caller.post("user/get", {})["errcode"] == 43001
    assert caller.get("message/template/send", access_token=caller.token())["errcode"] == 43002
    assert caller.get("stable_token")["errcode"] == 43002
    assert caller.post("token", {})["errcode"] == 43001


def test_a_key_is_not_taken_in_the_clear(caller, settings):
    settings.HTTPS_ONLY = True
    assert caller.get("token", **asked(caller))["errcode"] == 43003


@pytest.mark.parametrize(
    "path", ["message/subscribe/bizsend", "menu/create", "message/custom/send", "x/../y", "用户"]
)
def test_what_is_not_served_says_so(caller, path):
    answer = caller.post(path, {"touser": "o1"})
    assert answer["errcode"] == 48001
    assert "does not serve" in answer["errmsg"]
    assert path not in answer["errmsg"]


def test_neither_secret_nor_token_is_logged(caller, body, caplog):
    token = caller.token()
    caller.post("message/template/send", body | {"touser": "oNobody"}, token=token)
    stable(caller, secret="hy_wrongsecret")
    assert "40003" in caplog.text
    for secret in (token, caller.secret, "wrongsecret", "oNobody"):
        assert secret not in caplog.text
