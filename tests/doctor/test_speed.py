"""How soon WeChat answers, from the log's last calls."""

from datetime import timedelta
from typing import Any

import pytest

from notifier.doctor.results import Result, Verdict
from notifier.doctor.speed import FIXES
from notifier.models import MessageEvent, State
from notifier.models.sandbox import SANDBOX
from notifier.wechat.phases import PHASES
from tests import builders
from tests.conftest import Platform
from tests.doctor import faults
from tests.doctor.conftest import seen

pytestmark = pytest.mark.django_db(transaction=True)


def calls(healthy: Platform, count: int, ms: int, openid: str = "", **columns: object) -> None:
    message = builders.make_message(healthy.template)
    if openid:
        builders.set_message(message, openid=openid)
    given = {"at": builders.now(), "state": State.SENT, "errcode": 0, "attempt": 1} | columns
    MessageEvent.objects.bulk_create(
        MessageEvent(message=message, duration_ms=ms, **given) for _ in range(count)
    )


def speed(healthy: Platform) -> Result:
    return next(one.result for one in seen(healthy.account).checks if one.name == "speed")


def test_a_wechat_that_answers_late_turns_this_tick_red(healthy: Platform, settings: Any) -> None:
    settings.WECHAT_READ_TIMEOUT = 8
    healthy.simulator.control("POST", "/faults", {"action": "slow", "seconds": 3.2})
    faults.send(healthy, 30, ago=timedelta())
    healthy.simulator.control("DELETE", "/faults")
    assert seen(healthy.account).named(Verdict.BAD) == ["speed"]
    assert "WeChat itself" in speed(healthy).fix


@pytest.mark.parametrize(("slow", "verdict"), [(9, "ok"), (10, "warn"), (50, "bad")])
def test_of_a_hundred_calls_so_many_were_slow(healthy: Platform, slow: int, verdict: str) -> None:
    calls(healthy, slow, 3_000)
    calls(healthy, 100 - slow, 40)
    assert speed(healthy).verdict == verdict


@pytest.mark.parametrize(
    ("phases", "word"),
    [
        (None, "WeChat itself"),
        ({"wait": 3_100, "dns": 5}, "WeChat itself"),
        ({"wait": 40, "dns": 3_060}, "resolver"),
        ({"wait": 40, "tcp": 3_060}, "firewall"),
        ({"wait": 40, "tls": 3_060}, "handshake"),
        ({"wait": 40, "lost": 3_060}, "gives no connection"),
        ({"wait": 40, "token": 3_060}, "access token"),
        ({"wait": 40, "transfer": 3_060}, "wechat_probe"),
    ],
)
def test_the_phase_that_takes_most_says_what_to_do(
    healthy: Platform, phases: dict[str, int] | None, word: str
) -> None:
    calls(healthy, 5, 3_100, phases=phases and {"host": "x", "reused": False, **phases})
    assert word in speed(healthy).fix


def test_of_few_calls_one_may_be_slow(healthy: Platform) -> None:
    calls(healthy, 1, 3_100)
    calls(healthy, 4, 40)
    assert speed(healthy).verdict == "ok"


def test_four_calls_say_nothing(healthy: Platform) -> None:
    calls(healthy, 4, 9_000)
    assert speed(healthy).finding.startswith("Fewer than 5 answered calls")


def test_only_the_last_hundred_count(healthy: Platform) -> None:
    calls(healthy, 100, 9_000)
    calls(healthy, 100, 40)
    assert speed(healthy).verdict == "ok"


def test_each_phase_has_something_to_do() -> None:
    assert set(FIXES) == {*PHASES, "lost"}


@pytest.mark.parametrize(
    "columns",
    [
        {"errcode": None},
        {"at": builders.now() - timedelta(hours=2)},
    ],
    ids=["without an answer", "long ago"],
)
def test_what_does_not_count(healthy: Platform, columns: dict[str, object]) -> None:
    calls(healthy, 100, 9_000, **columns)
    assert speed(healthy).verdict == "ok"


def test_what_the_sandbox_answers_does_not_count(healthy: Platform) -> None:
    calls(healthy, 100, 9_000, openid=next(iter(SANDBOX)))
    assert speed(healthy).finding.startswith("Fewer than 5")


def test_another_accounts_calls_do_not_count(healthy: Platform) -> None:
    other = builders.make_message()
    MessageEvent.objects.create(
        message=other, at=builders.now(), state=State.SENT, errcode=0, duration_ms=9_000
    )
    calls(healthy, 5, 40)
    assert speed(healthy).details == ("Half of the last 5 calls: within 40 ms.",)
