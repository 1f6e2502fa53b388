"""Each fault turns its own tick red, and no other."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from redis import Redis

from notifier.dispatch import gate
from notifier.dispatch.gate import Limits, Report
from notifier.doctor.examination import CHECKS
from notifier.doctor.results import Verdict
from notifier.models import Priority
from notifier.receipts import refused
from notifier.wechat.tokens import KEY
from templates_app.models import OfficialAccount
from tests import builders
from tests.conftest import Platform
from tests.doctor.conftest import Fault, seen, verdicts
from tests.receipts.pushes import event, push
from tests.shared_tokens import shared
from tests.wechat.servers import answering, free_address, serving, silent

IP = "203.0.113.7"


def change(healthy: Platform, **values: object) -> None:
    OfficialAccount.objects.filter(pk=healthy.account.pk).update(**values)
    healthy.account.refresh_from_db()


def no_token(healthy: Platform) -> None:
    """As after two hours: what asks WeChat must fetch one."""
    cache.delete(f"{KEY}:{healthy.account.appid}")


def tell(healthy: Platform, report: Report) -> None:
    account = healthy.account
    gate.tell(account.pk, report, Limits.of(account), builders.now())


def wrong_secret(healthy: Platform) -> None:
    change(healthy, app_secret="0" * 32)


def missing_ip(healthy: Platform) -> None:
    healthy.configure(ip_not_whitelisted=IP)


def unauthorised(healthy: Platform) -> None:
    healthy.configure(callback_url="http://127.0.0.1:1/x", api_unauthorized=True)


def template_missing(healthy: Platform) -> None:
    healthy.configure(callback_url="http://127.0.0.1:1/x", templates=[])


def callback_unreachable(healthy: Platform) -> None:
    """Pings are lost, and no push has come for two days."""
    from_before = builders.now() - timedelta(days=2)
    healthy.account.push_set.update(received_at=from_before, happened_at=from_before)
    healthy.configure(callback_url="http://127.0.0.1:1/x", callback_unreachable=True)


def callback_unset(healthy: Platform) -> None:
    healthy.configure(callback_url="")


def wrong_callback_token(healthy: Platform) -> None:
    body = event("subscribe", builders.openid())
    assert push(healthy.account, body, signature="0" * 40).status_code == 403


def dead_token(healthy: Platform) -> None:
    appid = healthy.account.appid
    assert healthy.simulator.control("POST", "/kill-token", {"appid": appid})["killed"]


def quota_used_up(healthy: Platform) -> None:
    tell(healthy, Report(quota_is_used_up=True))


def quota_used_up_at_wechat(healthy: Platform) -> None:
    change(healthy, daily_quota=0)
    healthy.configure(callback_url="http://127.0.0.1:1/x", send_quota=0)


def breaker_open(healthy: Platform) -> None:
    tell(healthy, Report(cause="errcode 50002: user limited"))


def address_is_dead(healthy: Platform) -> None:
    """The backup answers, so that everything else can be asked."""
    change(healthy, api_base_url=free_address(), backup_domains=healthy.simulator.url)


FAULTS: dict[Fault, tuple[str, str]] = {
    wrong_secret: ("secret", "errcode 40125"),
    missing_ip: ("ip_list", IP),
    unauthorised: ("permission", "errcode 48001"),
    template_missing: ("templates", "WeChat lists the template no more"),
    callback_unreachable: ("callback", "does not reach"),
    callback_unset: ("callback", "no callback address"),
    wrong_callback_token: ("pushes", "signature is wrong"),
    dead_token: ("token", "it is dead"),
    quota_used_up: ("quota", "used up"),
    quota_used_up_at_wechat: ("quota", "used up"),
    breaker_open: ("breaker", "errcode 50002"),
    address_is_dead: ("addresses", "does not answer"),
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
    healthy.configure(callback_url="http://127.0.0.1:1/x", templates=[listed])
    assert verdicts(healthy.account) == {"templates": "bad"}


@pytest.mark.parametrize(("more", "verdict"), [(21, {}), (22, {"templates": "warn"})])
def test_nearly_as_many_templates_as_there_can_be(
    healthy: Platform, more: int, verdict: dict[str, str]
) -> None:
    version = healthy.template.published
    assert version is not None
    own = {"template_id": version.wechat_template_id, "title": "x", "content": version.content}
    others = [{"template_id": f"t{n}", "title": "x", "content": "x"} for n in range(more)]
    healthy.configure(callback_url="http://127.0.0.1:1/x", templates=[own, *others])
    assert verdicts(healthy.account) == verdict


def test_pings_that_a_firewall_drops_are_no_fault_while_pushes_come(healthy: Platform) -> None:
    healthy.configure(callback_url="http://127.0.0.1:1/x", callback_unreachable=True)
    assert verdicts(healthy.account) == {"callback": "warn"}


def test_a_push_that_is_right_ends_the_complaint(healthy: Platform) -> None:
    wrong_callback_token(healthy)
    push(healthy.account, event("unsubscribe", builders.openid()))
    assert verdicts(healthy.account) == {}


def test_messages_without_any_push_are_told(platform: Platform) -> None:
    platform.configure(callback_url="http://127.0.0.1:1/x")
    account = platform.account
    gate.ask(account.pk, 5, Priority.NORMAL, Limits.of(account), builders.now())
    assert verdicts(account)["pushes"] == "warn"


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(5, {}), (-30, {"clock": "warn"}), (90, {"clock": "bad"})]
)
def test_a_clock_that_is_wrong(healthy: Platform, seconds: int, verdict: dict[str, str]) -> None:
    assert verdicts(healthy.account, timedelta(seconds=seconds)) == verdict


def test_a_quota_that_is_another_at_wechat(healthy: Platform) -> None:
    healthy.configure(callback_url="http://127.0.0.1:1/x", send_quota=1_000)
    assert verdicts(healthy.account) == {"quota": "warn"}


def test_a_quota_that_is_nearly_used_up(healthy: Platform) -> None:
    account = healthy.account
    gate.ask(account.pk, 90_000, Priority.NORMAL, Limits.of(account), builders.now())
    assert verdicts(account) == {"quota": "warn"}


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


def test_the_pushes_with_their_ticks(healthy: Platform) -> None:
    late = builders.now() - timedelta(minutes=5)
    openid = builders.openid()
    push(healthy.account, event("unsubscribe", openid, at=late.timestamp()))
    newest, first = seen(healthy.account).pushes
    assert (newest.event, newest.is_prompt, first.is_prompt) == ("unsubscribe", False, True)
    assert (newest.is_done, newest.is_known) == (False, None)
    assert openid not in str(newest)
    row = healthy.account.push_set.get(event="unsubscribe")
    row.due_at, row.outcome = None, "unknown_recipient"
    row.save()
    newest, _first = seen(healthy.account).pushes
    assert (newest.is_done, newest.is_known) == (True, False)


def test_no_secret_or_token_is_in_what_it_says(healthy: Platform) -> None:
    account = healthy.account
    hidden = [account.app_secret, account.callback_token, shared(account.appid)]
    for fault in (dead_token, wrong_callback_token, missing_ip):
        fault(healthy)
        told = str(seen(account))
        hidden.append(shared(account.appid) or "none")
        assert [one for one in hidden if one in told] == []
