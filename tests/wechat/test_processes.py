"""Fifty real processes and one token."""

import multiprocessing
from functools import partial

import requests
from django.core.cache import cache

from notifier.wechat.tokens import Token, Tokens
from templates_app.encryption import fernet
from tests.shared_tokens import shared
from tests.wechat.conftest import SECRET

PROCESSES = 50
CONTEXT = multiprocessing.get_context("fork")


def fetch(account):
    """As each process would, from the simulated WeChat."""
    asked = {"grant_type": "client_credential", "appid": account.appid, "secret": SECRET}
    url = f"{account.simulator.url}/cgi-bin/stable_token"
    return Token.of(requests.post(url, json=asked, timeout=20).json())


def replace(tokens, dead, start, told):
    start.wait(60)
    told.put(tokens.obtain(dead))


def test_fifty_processes_with_one_dead_token_make_one_fetch(account):
    tokens = Tokens(cache, fernet(), account.appid, partial(fetch, account))
    dead = tokens.obtain(None)  # each of them remembers it
    account.kill_token()
    start, told = CONTEXT.Barrier(PROCESSES), CONTEXT.SimpleQueue()
    arguments = (tokens, dead, start, told)
    processes = [CONTEXT.Process(target=replace, args=arguments) for _ in range(PROCESSES)]
    for one in processes:
        one.start()
    got = {told.get() for _ in processes}
    for one in processes:
        one.join(30)
    assert got == {shared(account.appid)} != {dead}
    assert account.counters()["stable_token_fetches"] == 2
