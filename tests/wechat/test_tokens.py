"""One token for all: fetched once, replaced once, and no loop when it cannot be had."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from cryptography.fernet import Fernet
from django.core.cache import cache

from notifier.wechat.errors import Ambiguous, NoToken, Refused, Unreachable
from notifier.wechat.tokens import (
    EARLY_SECONDS,
    FAILURE_SECONDS,
    Token,
    TokenCache,
    TokenRefused,
    Tokens,
)
from templates_app.encryption import fernet
from tests.shared_tokens import share, shared
from tests.wechat.conftest import SECRET, body, with_token
from tests.wechat.servers import answering, free_address, serving, silent

KEY = "wechat-token:wx1"


class Source:
    """WeChat's side: gives the named tokens in turn, or raises what it was given."""

    def __init__(self, *given: object) -> None:
        self.given = list(given)
        self.calls = 0
        self._lock = threading.Lock()

    def __call__(self) -> Token:
        with self._lock:
            self.calls += 1
            value = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        if isinstance(value, Exception):
            raise value
        return Token(str(value), 7200)


def tokens(source):
    """A process's view of the shared token."""
    return Tokens(cast(TokenCache, cache), fernet(), "wx1", source)


def test_a_token_is_fetched_once_and_kept():
    source = Source("t1", "t2")
    mine = tokens(source)
    assert [mine.obtain(None), mine.obtain(None), tokens(source).obtain(None)] == ["t1", "t1", "t1"]
    assert source.calls == 1


def test_a_token_is_kept_until_wechat_makes_a_new_one():
    tokens(Source("t1")).obtain(None)
    assert 7200 - EARLY_SECONDS - 5 < cache.ttl(KEY) <= 7200 - EARLY_SECONDS


def test_redis_holds_it_encrypted_and_a_lost_key_is_a_fetch():
    token = "83_a-token"  # two letters stand in what is encrypted by chance
    source = Source(token)
    assert tokens(source).obtain(None) == token
    assert token not in cache.get(KEY)
    cache.set(KEY, Fernet(Fernet.generate_key()).encrypt(b"t0").decode(), timeout=60)
    assert tokens(source).obtain(None) == token
    cache.set(KEY, "plain", timeout=60)
    assert tokens(source).obtain(None) == token
    assert source.calls == 3


def test_fifty_threads_of_five_processes_fetch_once():
    source = Source("t1", "t2")
    processes = [tokens(source) for _ in range(5)]
    with ThreadPoolExecutor(50) as pool:
        got = set(pool.map(lambda n: processes[n % 5].obtain(None), range(50)))
    assert (got, source.calls) == ({"t1"}, 1)


def test_fifty_threads_of_five_processes_replace_a_dead_token_once():
    source = Source("t1", "t2", "t3")
    processes = [tokens(source) for _ in range(5)]
    assert {process.obtain(None) for process in processes} == {"t1"}
    with ThreadPoolExecutor(50) as pool:
        got = set(pool.map(lambda n: processes[n % 5].obtain("t1"), range(50)))
    assert (got, source.calls) == ({"t2"}, 2)


def test_fifty_sends_with_a_dead_token_make_one_fetch(account, make_client):
    clients = [make_client() for _ in range(5)]
    for number, client in enumerate(clients):
        client.send_template(body(f"first-{number}"))
    account.kill_token()
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda n: clients[n % 5].send_template(body(f"m{n}")), range(50)))
    assert account.counters()["stable_token_fetches"] == 2
    assert account.counters()["accepted"] == 55


def test_accounts_whose_token_call_hangs_hold_up_no_other(make_client):
    with serving(silent) as hanging:
        waiting = [
            make_client(hanging.url, appid=f"wxhangs{number}", timeout=(0.5, 3))
            for number in range(20)
        ]
        calls = [client.begin(body(f"h{number}")) for number, client in enumerate(waiting)]
        make_client().send_template(body("m1"))
        assert not any(call.done() for call in calls)
        for call in calls:
            assert isinstance(call.exception(20), Unreachable)


def test_who_begins_while_a_dead_token_is_replaced_waits_for_the_next():
    source = Source("t1", "t2")
    mine = tokens(source)
    mine.obtain(None)
    mine.forget("t0")
    assert mine.remembered() == "t1"
    mine.forget("t1")
    assert mine.remembered() is None
    assert (mine.obtain("t1"), mine.remembered()) == ("t2", "t2")


def test_a_token_that_another_process_replaced_is_taken():
    source = Source("t1")
    mine = tokens(source)
    mine.obtain(None)
    share("wx1", "t2")
    assert mine.obtain("t1") == "t2"
    assert source.calls == 1


def test_a_token_expired_by_one_process_is_not_dropped_by_a_late_one():
    source = Source("t2")
    share("wx1", "t2")
    assert tokens(source).obtain("t1") == "t2"
    assert shared("wx1") == "t2"


def test_the_same_dead_token_again_is_the_accounts_matter(account, make_client):
    send = "/cgi-bin/message/template/send"
    account.simulator.control("POST", "/faults", {"errcode": 40001, "path": send})
    client = make_client()
    for _ in range(5):
        with pytest.raises(TokenRefused):
            client.send_template(body())
    assert account.counters()["stable_token_fetches"] == 2
    assert account.counters()["sends"] == 1


def test_a_token_refused_twice_in_one_attempt_is_not_asked_for_again(account, make_client):
    """The new token is refused as well: the caller hears it, nobody loops."""
    account.simulator.control("POST", "/faults", {"errcode": 42001, "times": 3})
    make_client().templates()
    account.kill_token()
    with pytest.raises(Refused) as refused:
        make_client().send_template(body())
    assert refused.value.errcode == 42001
    assert account.counters()["sends"] <= 2


@pytest.mark.parametrize("errcode", [40125, 40013, 40164, 40243, 45009])
def test_a_refused_token_call_is_not_repeated_at_once(errcode):
    source = Source(Refused(errcode, "no", "rid-1"))
    for process in (tokens(source), tokens(source)):
        with pytest.raises(TokenRefused) as refused:
            process.obtain(None)
        assert (refused.value.errcode, refused.value.rid) == (errcode, "rid-1")
    assert source.calls == 1
    assert 0 < cache.ttl(f"{KEY}:failure") <= FAILURE_SECONDS


def test_the_call_is_made_again_after_a_few_seconds():
    source = Source(Refused(40164, "not in whitelist"), "t1")
    mine = tokens(source)
    with pytest.raises(TokenRefused):
        mine.obtain(None)
    cache.delete(f"{KEY}:failure")  # as its time to live would
    assert mine.obtain(None) == "t1"


def test_a_replaced_token_is_everybodys_and_no_failure_is_left():
    share("wx1", "t1")
    cache.set(f"{KEY}:failure", (40125, "no", ""), timeout=5)
    source = Source("t2")
    mine = tokens(source)
    mine.replace()
    assert [mine.obtain(None), tokens(source).obtain(None), source.calls] == ["t2", "t2", 1]
    assert cache.get(f"{KEY}:failure") is None


def test_a_replacement_that_wechat_refuses_leaves_the_old_token():
    share("wx1", "t1")
    mine = tokens(Source(Refused(40164, "not in whitelist")))
    with pytest.raises(TokenRefused):
        mine.replace()
    assert mine.obtain(None) == "t1"


@pytest.mark.parametrize("error", [Ambiguous("no answer in time"), Unreachable("dns"), KeyError()])
def test_without_a_token_nothing_was_sent(error):
    with pytest.raises(Unreachable):
        tokens(Source(error)).obtain(None)


def test_a_lost_token_call_is_repeated_by_the_next_message():
    source = Source(Ambiguous("no answer"), "t1")
    mine = tokens(source)
    with pytest.raises(Unreachable):
        mine.obtain(None)
    assert mine.obtain(None) == "t1"


@pytest.mark.parametrize(
    "answer", ["{}", '{"access_token":"x","expires_in":"soon"}', "[]", '{"expires_in":7200}']
)
def test_a_strange_answer_of_the_token_call_sends_nothing(make_client, answer):
    with serving(answering(answer)) as server, pytest.raises(Unreachable) as failed:
        make_client(server.url).send_template(body())
    # Counted as WeChat's failure: else it would be asked for without end.
    assert not isinstance(failed.value, NoToken)


def test_without_redis_nothing_is_sent(make_client, settings):
    cache_settings = settings.CACHES["default"] | {"LOCATION": "unix:///nonexistent/redis.sock"}
    settings.CACHES = {"default": cache_settings}
    with pytest.raises(Unreachable) as failed:
        make_client().send_template(body())
    assert "nonexistent" not in str(failed.value)


def test_the_stable_call_is_never_in_force_mode(account, make_client):
    make_client().send_template(body("a"))
    with serving(answering('{"access_token":"t"}')) as server:
        make_client(server.url).fetch_token()
    assert b'"force_refresh":false' in server.requests[0]
    assert b"POST /cgi-bin/stable_token" in server.requests[0]


def test_the_classic_call_can_be_chosen(account, make_client):
    make_client(token_call="token").send_template(body("a"))
    counters = account.counters()
    assert (counters["token_fetches"], counters["stable_token_fetches"]) == (1, 0)


def test_a_classic_token_that_another_program_ended_is_replaced(account, make_client):
    client = make_client(token_call="token")
    client.send_template(body("a"))
    for _ in range(3):
        make_client(token_call="token").fetch_token()
    client.send_template(body("b"))
    assert account.counters()["accepted"] == 2


def test_a_wrong_secret_is_the_accounts_matter(account, make_client):
    with pytest.raises(TokenRefused) as refused:
        make_client(secret="wrong").send_template(body())
    assert refused.value.errcode == 40125
    assert account.counters()["sends"] == 0


def test_a_backup_address_gives_the_token_too(account, make_client):
    make_client(free_address(), account.simulator.url).send_template(body("a"))
    assert account.counters()["accepted"] == 1


def test_redis_holds_the_token_and_no_secret(account, make_client):
    make_client().send_template(body("a"))
    client = cache.client.get_client()
    stored = b" ".join(
        client.get(key) or b"" for key in client.keys("*") if client.type(key) == b"string"
    )
    assert SECRET.encode() not in stored


def test_a_token_in_the_cache_is_used(account, make_client):
    with_token(account, "7_token")
    with serving(answering('{"errcode":0,"msgid":1}')) as server:
        make_client(server.url).send_template(body())
    assert b"access_token=7_token HTTP/1.1" in server.requests[0]
