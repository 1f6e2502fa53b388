"""The clock's care for tokens."""

from django.utils import timezone

from notifier.dispatch import gate, renewal
from notifier.dispatch.lanes import redis


def test_the_clock_fetches_a_token_before_anybody_needs_it(platform):
    renewal.renew_tokens()
    renewal.renew_tokens()
    assert platform.counters()["stable_token_fetches"] == 1


def test_a_token_in_its_last_minutes_is_replaced_while_it_still_works(platform):
    renewal.renew_tokens()
    key = f"hongyan:1:wechat-token:{platform.account.appid}"
    redis().expire(key, 200)
    renewal.renew_tokens()
    assert platform.counters()["stable_token_fetches"] == 2


def test_a_wrong_secret_stops_the_account_with_one_call_and_no_loop(platform, caplog):
    platform.configure(secret="f" * 32)
    for _ in range(3):
        renewal.renew_tokens()
    assert gate.condition(platform.account, timezone.now()).cause.startswith("errcode 40125")
    assert caplog.text.count("cannot send (errcode 40125") == 1


def test_while_the_old_token_lasts_a_refused_renewal_stops_nothing(platform):
    renewal.renew_tokens()
    redis().expire(f"hongyan:1:wechat-token:{platform.account.appid}", 200)
    platform.configure(secret="f" * 32)
    renewal.renew_tokens()
    assert gate.condition(platform.account, timezone.now()).open_since is None
