"""The account doctor's page: when it asks, what it shows, in both languages, and who may press."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django_redis.cache import RedisCache

from notifier.doctor.examination import CHECKS
from notifier.models import AuditEntry
from templates_app.access import limit
from templates_app.models import OfficialAccount
from tests import builders
from tests.admin.browsing import address, html, text
from tests.admin.conftest import StaffMaker
from tests.conftest import Platform
from tests.doctor.conftest import healthy as healthy
from tests.receipts.pushes import event, push

IP = "203.0.113.7"


def page(account: OfficialAccount) -> str:
    return reverse("admin:account-doctor", args=[account.pk])


def pressed(client: Client, account: OfficialAccount, language: str = "en") -> Any:
    answer = client.post(page(account), headers={"accept-language": language})
    assert answer.status_code == 200
    return answer


def ticks(answer: Any) -> dict[str, int]:
    shown = html(answer)
    words = ("ok", "warn", "bad", "skipped")
    return {word: count for word in words if (count := shown.count(f'data-verdict="{word}"'))}


def test_nothing_is_asked_before_the_button_is_pressed(root: Client, healthy: Platform) -> None:
    asked = healthy.counters()
    answer = root.get(page(healthy.account))
    assert ticks(answer) == {}
    assert "Examine" in text(answer)
    assert healthy.counters() == asked
    assert not AuditEntry.objects.filter(action="examine").exists()


def test_all_is_green_and_the_pushes_are_shown(root: Client, healthy: Platform) -> None:
    answer = pressed(root, healthy.account)
    assert ticks(answer) == {"ok": len(CHECKS)}
    shown = text(answer)
    assert "Nothing is wrong." in shown
    assert "Follows" in shown
    row = healthy.account.push_set.get()
    assert row.openid not in html(answer)


def test_one_who_keeps_pressing_asks_wechat_once(root: Client, healthy: Platform) -> None:
    pressed(root, healthy.account)
    asked = healthy.counters()
    answer = pressed(root, healthy.account)
    assert "This account was examined a moment ago. Try again in 5 seconds." in text(answer)
    assert ticks(answer) == {}
    assert healthy.counters() == asked
    assert AuditEntry.objects.filter(action="examine").count() == 1


def test_it_tells_that_redis_is_away(
    root: Client, healthy: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = RedisCache("unix:///nonexistent/redis.sock", {})
    monkeypatch.setattr("notifier.admin.doctor.cache", away)
    assert ticks(pressed(root, healthy.account))


def test_what_is_wrong_is_red_with_its_fix_in_english(root: Client, healthy: Platform) -> None:
    healthy.configure(ip_not_whitelisted=IP)
    answer = pressed(root, healthy.account)
    assert ticks(answer)["bad"] == 1
    assert "1 wrong, " in text(answer)
    assert f"add {IP} to the IP whitelist" in text(answer)


def test_and_in_chinese(root: Client, healthy: Platform) -> None:
    healthy.configure(ip_not_whitelisted=IP)
    shown = text(pressed(root, healthy.account, "zh-hans"))
    for part in ("公众号体检", "1 项异常", f"把 {IP} 加入 IP 白名单", "接口权限", "最近的微信推送"):
        assert part in shown
    for part in ("Examine", "WeChat", "What to do"):
        assert part not in shown


def test_it_is_in_the_audit_trail(root: Client, healthy: Platform) -> None:
    healthy.configure(ip_not_whitelisted=IP)
    pressed(root, healthy.account)
    entry = AuditEntry.objects.get(action="examine")
    assert (entry.object_id, entry.actor_kind) == (str(healthy.account.pk), "user")
    assert json.loads(entry.after) == {"bad": "ip_list"}
    shown = text(root.get(address("notifier_auditentry", "change", entry.pk)))
    assert "Examined an account" in shown
    assert "ip_list" in shown


def test_the_accounts_page_leads_there(staff: StaffMaker, healthy: Platform) -> None:
    viewer = staff("templates_app.view_officialaccount")
    where = address("templates_app_officialaccount", "doctor", healthy.account.pk)
    assert where in html(
        viewer.get(address("templates_app_officialaccount", "change", healthy.account.pk))
    )
    answer = viewer.get(where)
    assert (answer.status_code, answer.headers["Location"]) == (302, page(healthy.account))
    assert ticks(pressed(viewer, healthy.account)) == {"ok": len(CHECKS)}


def test_it_is_for_who_may_view_accounts(staff: StaffMaker, healthy: Platform) -> None:
    for client in (staff(), staff("notifier.view_message")):
        assert client.get(page(healthy.account)).status_code == 403
        assert client.post(page(healthy.account)).status_code == 403
    assert not AuditEntry.objects.filter(action="examine").exists()


def test_another_account_is_not_found_by_who_is_limited(healthy: Platform) -> None:
    user = User.objects.create_user("limited", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    mine = builders.make_account()
    limit(user, OfficialAccount.objects.filter(pk=mine.pk))
    client = Client()
    client.force_login(user)
    assert client.get(page(mine)).status_code == 200
    assert client.get(page(healthy.account)).status_code == 404
    assert client.post(page(healthy.account)).status_code == 404


def test_only_the_last_twenty_pushes_are_shown(root: Client, healthy: Platform) -> None:
    for _ in range(20):
        push(healthy.account, event("unsubscribe", builders.openid()))
    other = builders.make_account()
    push(other, event("subscribe", builders.openid()))
    shown = html(pressed(root, healthy.account))
    assert shown.count(">Follows no more<") == 20
    assert ">Follows<" not in shown


@pytest.mark.parametrize("pk", ["0", "999999999"])
def test_an_account_that_is_none_is_not_found(root: Client, pk: str) -> None:
    assert root.get(reverse("admin:account-doctor", args=[pk])).status_code == 404
