"""Each fault turns its own tick red, and no other."""

from datetime import timedelta

import pytest
from redis import Redis

from notifier.dispatch import gate
from notifier.dispatch.gate import Limits, Report
from notifier.doctor.examination import CHECKS
from notifier.doctor.results import Verdict
from notifier.models import Priority
from notifier.receipts import refused
from tests import builders
from tests.conftest import Platform
from tests.doctor import faults
from tests.doctor.conftest import CALLBACK, Fault, seen, telling, verdicts
from tests.doctor.faults import (
    IP,
    change,
    dead_token,
    missing_ip,
    no_token,
    tell,
    template_refused,
    unauthorised,
    wrong_callback_token,
    wrong_secret,
)
from tests.shared_tokens import shared
from tests.wechat.servers import answering, free_address, serving, silent

FAULTS: dict[Fault, tuple[str, str]] = {
    faults.wrong_secret: ("secret", "errcode 40125"),
    faults.frozen: ("secret", "errcode 40243"),
    faults.no_more_tokens: ("quota", "no more access tokens today"),
    faults.banned: ("permission", "errcode 50002"),
    faults.missing_ip: ("ip_list", IP),
    faults.unauthorised: ("permission", "errcode 48001"),
    faults.template_missing: ("templates", "WeChat lists the template no more"),
    faults.template_refused: ("templates", "held, because: errcode 40037"),
    faults.callback_unreachable: ("callback", "does not reach"),
    faults.callback_unset: ("callback", "no callback address"),
    faults.wrong_callback_token: ("pushes", "signature is wrong"),
    faults.no_receipts: ("pushes", "5 messages were sent since "),
    faults.dead_token: ("token", "it is dead"),
    faults.quota_used_up: ("quota", "used up"),
    faults.quota_used_up_at_wechat: ("quota", "used up"),
    faults.quota_spent_at_wechat: ("quota", "used up"),
    faults.breaker_open: ("breaker", "errcode 50002"),
    faults.address_is_dead: ("addresses", "does not answer"),
}


def test_all_is_green_on_a_healthy_account(healthy: Platform) -> None:
    found = seen(healthy.account)
    assert [one.name for one in found.checks] == list(CHECKS)
    assert {one.name: one.result.verdict.value for one in found.checks} == dict.fromkeys(
        CHECKS, "ok"
    )
    assert [one.result.fix for one in found.checks] == [""] * len(CHECKS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.__name__)
def test_a_fault_turns_its_own_tick_red(healthy: Platform, fault: Fault) -> None:
    fault(healthy)
    name, words = FAULTS[fault]
    found = seen(healthy.account)
    assert found.named(Verdict.BAD) == [name]
    result = next(one.result for one in found.checks if one.name == name)
    assert words in "\n".join((result.finding, *result.details))
    assert result.fix


SENDING: dict[str, tuple[dict[str, object], str]] = {
    "busy": ({"errcode": -1}, "breaker"),
    "dead token": ({"errcode": 40001}, "breaker"),
    "address not listed": ({"errcode": 40164}, "breaker"),
    "not authorised": ({"errcode": 48001}, "breaker"),
    "limited": ({"errcode": 50002}, "breaker"),
    "quota": ({"errcode": 45009}, "quota"),
    "template banned": ({"errcode": 43116}, "templates"),
    "template gone": ({"errcode": 40037}, "templates"),
    "wrong data": ({"errcode": 47003}, "answers"),
    "not followed": ({"errcode": 43004}, "answers"),
    "an unknown code": ({"errcode": 99999}, "answers"),
    "bad gateway": ({"http_status": 502}, "breaker"),
    "html": ({"action": "html"}, "breaker"),
    "reset": ({"action": "reset"}, "breaker"),
    "reset before it is read": ({"action": "reset_before_accept"}, "breaker"),
    "no answer in time": ({"action": "slow", "seconds": 30}, "breaker"),
    "no answer at all": ({"action": "timeout_after_accept"}, "breaker"),
}
"""What each message to WeChat meets."""


@pytest.mark.parametrize("fault", SENDING)
def test_what_sending_meets_turns_its_tick_red(healthy: Platform, fault: str) -> None:
    given, name = SENDING[fault]
    healthy.simulator.control("POST", "/faults", given)
    faults.send(healthy, 30)
    healthy.simulator.control("DELETE", "/faults")
    found = seen(healthy.account)
    assert found.named(Verdict.BAD) == [name]
    assert next(one.result.fix for one in found.checks if one.name == name)


@pytest.mark.parametrize("fault", [wrong_secret, missing_ip])
def test_what_needs_a_token_is_not_known_without_one(healthy: Platform, fault: Fault) -> None:
    fault(healthy)
    no_token(healthy)
    found = verdicts(healthy.account)
    red, other = ("secret", "ip_list") if fault is wrong_secret else ("ip_list", "secret")
    unknown = ("token", "permission", "templates", "callback", other)
    assert found == {red: "bad"} | dict.fromkeys(unknown, "skipped")


def test_the_address_to_add_is_named_in_what_to_do(healthy: Platform) -> None:
    missing_ip(healthy)
    found = {one.name: one.result for one in seen(healthy.account).checks}
    assert f"add {IP} to" in found["ip_list"].fix


def test_no_good_token_ends_by_it(healthy: Platform) -> None:
    """Also with the call that ends the token before."""
    change(healthy, token_call="token")
    before = shared(healthy.account.appid)
    counted = healthy.counters()["token_fetches"]
    assert verdicts(healthy.account) == {}
    assert shared(healthy.account.appid) == before
    assert healthy.counters()["token_fetches"] == counted


def test_a_dead_token_is_replaced_and_all_is_well_again(healthy: Platform) -> None:
    dead_token(healthy)
    assert verdicts(healthy.account) == {"token": "bad"}
    assert verdicts(healthy.account) == {}


def test_a_token_that_is_missing_is_only_looked_at(healthy: Platform) -> None:
    no_token(healthy)
    assert verdicts(healthy.account) == {"token": "warn"}


def test_a_template_with_other_fields(healthy: Platform) -> None:
    version = healthy.template.published
    assert version is not None
    listed = {"template_id": version.wechat_template_id, "title": "x", "content": "{{x1.DATA}}"}
    healthy.configure(callback_url=CALLBACK, templates=[listed])
    assert verdicts(healthy.account) == {"templates": "bad"}


def test_what_is_held_is_told_with_what_to_press_and_whatever_wechat_lists(
    healthy: Platform,
) -> None:
    template_refused(healthy)
    unauthorised(healthy)
    found = {one.name: one.result for one in seen(healthy.account).checks}
    assert found["templates"].verdict == "bad"
    assert "press “Release”" in found["templates"].fix
    assert "Synchronise the templates" in found["templates"].details[0]
    healthy.template.refresh_from_db()
    healthy.template.held_since, healthy.template.held_because = None, ""
    healthy.template.save()
    found_now = verdicts(healthy.account)  # nothing was sent since
    assert found_now == {"permission": "bad", "templates": "skipped", "answers": "bad"}


@pytest.mark.parametrize(("more", "verdict"), [(21, {}), (22, {"templates": "warn"})])
def test_nearly_as_many_templates_as_there_can_be(
    healthy: Platform, more: int, verdict: dict[str, str]
) -> None:
    version = healthy.template.published
    assert version is not None
    own = {"template_id": version.wechat_template_id, "title": "x", "content": version.content}
    others = [{"template_id": f"t{n}", "title": "x", "content": "x"} for n in range(more)]
    healthy.configure(callback_url=CALLBACK, templates=[own, *others])
    assert verdicts(healthy.account) == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(5, {}), (-30, {"clock": "warn"}), (90, {"clock": "bad"})]
)
def test_a_clock_that_is_wrong(healthy: Platform, seconds: int, verdict: dict[str, str]) -> None:
    assert verdicts(healthy.account, timedelta(seconds=seconds)) == verdict


def test_a_quota_that_is_another_at_wechat(healthy: Platform) -> None:
    healthy.configure(callback_url=CALLBACK, send_quota=1_000)
    assert verdicts(healthy.account) == {"quota": "warn"}


def test_a_quota_that_is_nearly_used_up(healthy: Platform) -> None:
    account = healthy.account
    gate.ask(account.pk, 90_000, Priority.NORMAL, Limits.of(account), builders.now())
    assert verdicts(account) == {"quota": "warn"}


@pytest.mark.parametrize("told", [{}, {"quota": None}, {"quota": {}}])
def test_a_quota_that_wechat_does_not_tell(healthy: Platform, told: dict[str, object]) -> None:
    with serving(telling(**told)) as server:
        change(healthy, api_base_url=server.url)
        found = {one.name: one.result for one in seen(healthy.account).checks}
    assert (found["quota"].verdict, len(found["quota"].details)) == ("ok", 1)


def test_an_account_that_wants_it_slower(healthy: Platform) -> None:
    tell(healthy, Report(is_slow=True))
    assert verdicts(healthy.account) == {"breaker": "warn"}


def test_a_dead_backup_is_no_fault_yet(healthy: Platform) -> None:
    change(healthy, backup_domains=free_address())
    assert verdicts(healthy.account) == {"addresses": "warn"}


def test_where_nothing_answers_one_tick_is_red(healthy: Platform) -> None:
    change(healthy, api_base_url=free_address())
    found = verdicts(healthy.account)
    asked = ("ip_list", "secret", "token", "permission", "templates", "callback", "clock")
    assert found == {"addresses": "bad"} | dict.fromkeys(asked, "skipped")


def test_a_proxy_in_wechats_place(healthy: Platform) -> None:
    with serving(answering("<html>Access denied</html>", "403 Forbidden")) as server:
        change(healthy, api_base_url=server.url)
        found = seen(healthy.account)
    assert found.named(Verdict.BAD) == ["addresses"]


def test_an_address_that_never_answers_does_not_keep_people_waiting(
    healthy: Platform, settings: object
) -> None:
    settings.WECHAT_READ_TIMEOUT = 1  # type: ignore[attr-defined]
    with serving(silent) as server:
        change(healthy, api_base_url=server.url)
        began = builders.now()
        assert seen(healthy.account).named(Verdict.BAD) == ["addresses"]
    assert (builders.now() - began).total_seconds() < 4


def test_redis_that_is_away_is_told(healthy: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Redis.from_url("unix:///nonexistent/redis.sock")
    monkeypatch.setattr(gate, "redis", lambda: gone)
    monkeypatch.setattr(refused, "redis", lambda: gone)
    assert set(seen(healthy.account).named(Verdict.BAD)) == {"pushes", "quota", "breaker"}


def test_no_secret_or_token_is_in_what_it_says(healthy: Platform) -> None:
    account = healthy.account
    hidden = [account.app_secret, account.callback_token, shared(account.appid)]
    for fault in (dead_token, wrong_callback_token, missing_ip):
        fault(healthy)
        told = str(seen(account))
        hidden.append(shared(account.appid) or "none")
        assert [one for one in hidden if one in told] == []
