"""hongyan doctor"""

from notifier.doctor.examination import CHECKS
from notifier.models import AuditEntry
from tests import builders
from tests.conftest import Platform
from tests.console.conftest import Run
from tests.doctor.conftest import healthy as healthy
from tests.doctor.faults import wrong_callback_token

IP = "203.0.113.7"


def test_all_is_well(run: Run, healthy: Platform):
    ran = run("doctor", healthy.account.slug)
    assert (ran.code, ran.err) == (0, "")
    for part in (healthy.account.slug, "WeChat takes the shared token.", "The latest pushes"):
        assert part in ran.out
    entry = AuditEntry.objects.get(action="examine")
    assert (entry.actor_kind, entry.object_id) == ("command", str(healthy.account.pk))


def test_what_is_bad_is_an_exit_code(run: Run, healthy: Platform):
    healthy.configure(ip_not_whitelisted=IP)
    ran = run("doctor", healthy.account.slug)
    assert ran.code == 1
    assert f"add {IP} to" in ran.out.replace("\n", " ")


def test_what_is_only_doubtful_is_none(run: Run, healthy: Platform):
    healthy.configure(callback_url="http://127.0.0.1:1/x", callback_unreachable=True)
    ran = run("doctor", healthy.account.slug, "--json")
    checks = {one["check"]: one["verdict"] for one in ran.json["accounts"][0]["checks"]}
    assert (ran.code, ran.json["ok"], checks["callback"]) == (0, True, "warn")


def test_for_programs(run: Run, healthy: Platform):
    healthy.configure(ip_not_whitelisted=IP)
    ran = run("doctor", "--json")
    assert (ran.code, ran.json["ok"]) == (1, False)
    (found,) = ran.json["accounts"]
    assert found["account"] == healthy.account.slug
    assert [one["check"] for one in found["checks"]] == list(CHECKS)
    bad = next(one for one in found["checks"] if one["verdict"] == "bad")
    assert (bad["check"], IP in bad["finding"], IP in bad["fix"]) == ("ip_list", True, True)
    assert [one["event"] for one in found["pushes"]] == ["subscribe"]
    assert healthy.account.push_set.get().openid not in ran.out


def test_a_push_that_was_refused_is_among_the_latest(run: Run, healthy: Platform):
    wrong_callback_token(healthy)
    ran = run("doctor", healthy.account.slug)
    assert "signature is" in ran.out[ran.out.index("The latest pushes") :]
    told = run("doctor", healthy.account.slug, "--json").json["accounts"][0]["pushes"][0]
    assert (told["is_signed"], told["openid"]) == (False, "")


def test_in_chinese(run: Run, healthy: Platform):
    ran = run("doctor", healthy.account.slug, "--language", "zh-hans")
    assert "共用的 access_token 有效。" in ran.out


def test_each_active_account_is_examined(run: Run, healthy: Platform):
    builders.make_account(is_active=False)
    other = builders.make_account(api_base_url="http://127.0.0.1:9")
    found = run("doctor", "--json").json["accounts"]
    assert [one["account"] for one in found] == sorted([healthy.account.slug, other.slug])


def test_an_account_that_is_none_is_a_wrong_argument(run: Run, db):
    assert run("doctor", "nobody").code == 2
    assert run("doctor").code == 2
