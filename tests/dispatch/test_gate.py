"""The gate as a table: a state and a time go in, what may be sent comes out. On the real Redis."""

from datetime import UTC, datetime, timedelta

import pytest

from notifier.dispatch import gate
from notifier.dispatch.gate import FAILURES, PROBE_SECONDS, Limits, Report
from notifier.models import Priority, Reason
from templates_app.models import OfficialAccount

NOW = datetime(2026, 11, 24, 4, 0, 30, tzinfo=UTC)  # noon and half a minute in Shanghai
MIDNIGHT = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
FREE = Limits(0, 0, 0)
ACCOUNT = 7


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def ask(seconds=0.0, wanted=200, priority=Priority.NORMAL, limits=FREE):
    return gate.ask(ACCOUNT, wanted, priority, limits, after(seconds))


def tell(seconds=0.0, limits=FREE, **values):
    return gate.tell(ACCOUNT, Report(**values), limits, after(seconds)).is_open


def condition(limits=FREE, seconds=0.0):
    account = OfficialAccount(pk=ACCOUNT, daily_quota=limits.daily, urgent_reserve=limits.reserve)
    return gate.condition(account, after(seconds))


def works(seconds, **values):
    return tell(seconds, succeeded_from=after(seconds).timestamp(), **values)


def test_a_quiet_account_gets_what_it_asks_for():
    assert [ask().count for _ in range(5)] == [200] * 5


# Breaker


def test_a_broken_account_stops_at_once_and_is_probed_every_half_minute():
    assert tell(cause="errcode 40125: invalid appsecret")
    refused = ask(1)
    assert (refused.count, refused.reason) == (0, Reason.ACCOUNT)
    assert refused.until == after(PROBE_SECONDS)
    probe = ask(PROBE_SECONDS)
    assert (probe.count, probe.is_probe) == (1, True)
    assert ask(PROBE_SECONDS + 1).count == 0
    assert ask(2 * PROBE_SECONDS).is_probe


@pytest.mark.parametrize(("failures", "is_open"), [(FAILURES - 1, False), (FAILURES, True)])
def test_so_many_failures_in_a_row_open_it(failures, is_open):
    for _ in range(failures):
        tell(failures=1)
    assert (condition().open_since is not None) is is_open


def test_a_success_between_them_begins_the_count_anew():
    tell(failures=FAILURES - 1)
    works(0)
    assert not tell(failures=FAILURES - 1)


def test_a_probe_that_succeeds_closes_it_and_the_pace_grows_from_small():
    tell(cause="errcode 48001: api unauthorized")
    assert ask(PROBE_SECONDS).is_probe
    assert not works(PROBE_SECONDS + 0.1)
    granted = [ask(PROBE_SECONDS + 1 + second).count for second in range(5)]
    assert 0 < granted[0] <= 20
    assert granted == sorted(granted)
    assert granted[-1] > 4 * granted[0]


def test_an_answer_to_a_call_from_before_closes_nothing():
    tell(0, cause="errcode 48001: api unauthorized")
    assert tell(2, succeeded_from=after(-1).timestamp())


def test_a_probe_that_fails_leaves_it_open_since_the_beginning():
    tell(0, cause="errcode 40164: invalid ip")
    ask(PROBE_SECONDS)
    assert tell(PROBE_SECONDS + 1, cause="errcode 40164: invalid ip")
    assert condition().open_since == NOW


def test_a_probe_that_found_no_message_is_given_back():
    tell(0, cause="errcode 40164: invalid ip")
    gate.give_back(ACCOUNT, 1, ask(PROBE_SECONDS))
    assert ask(PROBE_SECONDS + 1).is_probe


def test_what_an_operator_mended_is_probed_at_once():
    tell(0, cause="errcode 40125: invalid appsecret")
    gate.probe_now(ACCOUNT)
    assert ask(1).is_probe


# Pace


def test_the_operators_ceiling_holds():
    limits = Limits(20, 0, 0)
    granted = [ask(tenth / 10, limits=limits).count for tenth in range(101)]
    assert 20 * 10 <= sum(granted) <= 20 * 10 + 25 + 1  # a quiet account may send a burst


def test_below_the_ceiling_messages_go_in_batches():
    limits = Limits(100, 0, 0)
    ask(limits=limits)  # the burst
    granted = [ask(1 + tick / 1000, limits=limits).count for tick in range(1000)]
    assert {count for count in granted[1:] if count} == {10}


def test_urgent_messages_borrow_and_the_others_pay():
    limits = Limits(10, 0, 0)
    ask(limits=limits)
    assert ask(limits=limits).reason is Reason.PACE
    assert ask(wanted=8, priority=Priority.URGENT, limits=limits).count == 8
    assert ask(0.8, limits=limits).count == 0


def test_what_is_not_used_is_given_back():
    limits = Limits(200, 0, 0)
    grant = ask(limits=limits)
    gate.give_back(ACCOUNT, grant.count - 1, grant)
    assert ask(limits=limits).count == 200


def test_a_slow_wechat_halves_the_pace_once_a_second_and_it_recovers_step_by_step():
    limits = Limits(1000, 0, 0)
    ask(0, wanted=1000, limits=limits)
    tell(0.9, limits=limits, is_slow=True)
    tell(0.95, limits=limits, is_slow=True)
    assert condition().per_second == 500
    ask(3.9, limits=limits)
    assert condition().per_second == pytest.approx(650)
    ask(60, limits=limits)
    assert condition().per_second is None


def test_without_a_ceiling_the_real_speed_is_halved():
    for tenth in range(10):
        ask(tenth / 10, wanted=40)
    tell(0.95, is_slow=True)
    assert condition().per_second == 200


def test_a_full_minute_is_waited_for():
    tell(0, is_slow=True, minute_is_full=True)
    refused = ask(10, priority=Priority.URGENT)
    assert (refused.count, refused.until) == (0, after(30))
    assert ask(30.5).count > 0


# Quota


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.BULK])
def test_a_used_up_quota_parks_all_but_urgent_until_midnight_in_shanghai(priority):
    tell(quota_is_used_up=True)
    refused = ask(60, priority=priority)
    assert (refused.count, refused.reason, refused.until) == (0, Reason.QUOTA, MIDNIGHT)
    assert ask(60, priority=Priority.URGENT).count > 0
    assert ask((MIDNIGHT - NOW).total_seconds(), priority=priority).count > 0


def test_a_cleared_quota_is_seen_by_the_next_urgent_message():
    tell(quota_is_used_up=True)
    works(5)  # WeChat judged it without counting it: a refused recipient, say
    assert ask(6).reason is Reason.QUOTA
    works(7, sent_from=after(7).timestamp())
    assert ask(8).count == 200


def test_a_reserve_is_left_for_urgent_messages():
    limits = Limits(0, 1000, 300)
    granted = [ask(limits=limits).count for _ in range(6)]
    assert granted == [200, 200, 200, 100, 0, 0]
    refused = ask(limits=limits)
    assert (refused.reason, refused.until) == (Reason.QUOTA, MIDNIGHT)
    assert ask(priority=Priority.URGENT, limits=limits).count == 200
    assert condition(limits).parked_until == MIDNIGHT
    tomorrow = (MIDNIGHT - NOW).total_seconds() + 1
    assert ask(tomorrow, limits=limits).count == 200


def test_a_refusal_right_after_midnight_is_of_the_day_before():
    late = (MIDNIGHT - NOW).total_seconds() + 1
    tell(late, quota_is_used_up=True)
    assert ask(late + 1).reason is Reason.QUOTA
    assert ask(late + 301).count > 0
