"""The gateway's secret is an API key: what it may do, from where, how much, and the sandbox."""

import pytest

from notifier.dispatch import lanes
from notifier.gateway.views import ROUTES
from notifier.models import ApiKey, Message, Scope
from notifier.models.keys import memory
from tests import builders


def limited(**values):
    ApiKey.objects.update(**values)
    memory.forget()


@pytest.fixture
def ask(caller, body):
    """The errcode of a call of each kind."""

    def call(path, token):
        path = path.removeprefix("cgi-bin/")
        if ROUTES[f"cgi-bin/{path}"].method == "POST":
            return caller.post(path, {}, token)
        return caller.get(path, access_token=token)

    return call


@pytest.fixture
def send(caller, body):
    return lambda openid: caller.send(body | {"touser": openid})["errcode"]


@pytest.mark.parametrize("scope", Scope.values)
@pytest.mark.parametrize("path", ROUTES)
def test_every_scope_against_every_call(caller, ask, path, scope):
    token = caller.token()
    limited(scopes=[scope])
    answer = ask(path, token)
    assert (answer.get("errcode") == 48001) == (ROUTES[path].scope != scope), answer


def test_from_other_networks_nothing_is_answered(caller, ask):
    token = caller.token()
    limited(networks="203.0.113.0/24")
    assert ask("cgi-bin/user/get", token)["errcode"] == 40164
    given = {"appid": caller.gateway.appid, "secret": caller.secret}
    assert caller.get("token", grant_type="client_credential", **given)["errcode"] == 40164


def test_a_keys_limits_are_wechats_codes(send, person):
    lanes.redis().flushdb()
    limited(per_minute=1)
    assert [send(person.openid) for _ in range(2)] == [0, 45011]
    limited(per_minute=None, per_day=1)
    assert [send(person.openid) for _ in range(2)] == [0, 45009]
    assert Message.objects.count() == 2


def test_a_key_of_other_accounts_speaks_for_none(caller, ask):
    token = caller.token()
    ApiKey.objects.get().accounts.add(builders.make_account())
    assert ask("cgi-bin/user/get", token)["errcode"] == 48001


def test_a_test_key_reaches_the_sandbox_alone(caller, ask, send, person):
    token = caller.token()
    limited(is_test=True)
    assert [send(person.openid), send("sandbox-delivered")] == [40003, 0]
    assert Message.objects.get().is_test
    assert person.openid not in ask("cgi-bin/user/get", token)["data"]["openid"]
    limited(is_test=False)
    assert send("sandbox-delivered") == 40003
    assert ask("cgi-bin/user/get", token)["data"]["openid"] == [person.openid]
