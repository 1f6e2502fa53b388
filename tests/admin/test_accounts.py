"""Accounts: secrets go in and never come out; “check connection” says what WeChat answers."""

import pytest
from django.contrib.admin.models import LogEntry
from django.http import HttpResponse
from django.test import Client

from notifier.dispatch import renewal
from templates_app.models import OfficialAccount
from templates_app.wechat import new_client
from tests.admin.browsing import Values, address, confirm, faults, form, html, submit, text
from tests.admin.conftest import SECRETS, StaffMaker
from tests.conftest import Platform
from tests.wechat.servers import answering, serving

FORM = "officialaccount_form"
ADD = "/admin/templates_app/officialaccount/add/"
NEW: Values = {
    "name": "鸿雁测试号",
    "slug": "test",
    "appid": "wx0123456789abcdef",
    "app_secret": "a" * 32,
    "callback_token": "token",
}


def change(account: OfficialAccount) -> str:
    return address("templates_app_officialaccount", "change", account.pk)


def check(client: Client, account: OfficialAccount, language: str = "en") -> HttpResponse:
    where = address("templates_app_officialaccount", "check_connection", account.pk)
    client.cookies["django_language"] = language
    return confirm(client, where)


def secrets_of(account: OfficialAccount) -> dict[str, str]:
    account.refresh_from_db()
    return {name: getattr(account, name) for name in SECRETS}


def test_an_account_is_added_with_its_secrets(root: Client) -> None:
    answer = submit(root, ADD, FORM, **NEW)
    account = OfficialAccount.objects.get(slug="test")
    assert (account.app_secret, account.callback_token) == ("a" * 32, "token")
    assert "a" * 32 not in html(answer)


def test_a_new_account_needs_its_secret(root: Client) -> None:
    answer = submit(root, ADD, FORM, **NEW | {"app_secret": ""})
    assert "This field is required." in text(answer)
    assert not OfficialAccount.objects.exists()


def test_the_form_leaves_secrets_out_and_says_that_they_are_stored(
    root: Client, account: OfficialAccount
) -> None:
    page = root.get(change(account))
    shown = form(page, FORM)
    assert [shown[name] for name in SECRETS] == ["", "", "", ""]
    assert html(page).count("stored; leave empty to keep it") == len(SECRETS)


def test_who_may_only_view_learns_which_secrets_are_stored(
    staff: StaffMaker, account: OfficialAccount
) -> None:
    account.previous_aes_key = ""
    account.save()
    shown = text(staff("templates_app.view_officialaccount").get(change(account)))
    for name in ("AppSecret", "Callback token", "EncodingAESKey"):
        assert f" {name} stored " in shown
    assert " Previous EncodingAESKey – " in shown


def test_empty_secrets_are_kept(root: Client, account: OfficialAccount) -> None:
    submit(root, change(account), FORM, name="A new name")
    assert secrets_of(account) == SECRETS
    assert account.name == "A new name"


@pytest.mark.parametrize("name", SECRETS)
def test_a_new_secret_replaces_the_stored_one_and_no_other(
    root: Client, account: OfficialAccount, name: str
) -> None:
    fresh = "N" * 43
    answer = submit(root, change(account), FORM, **{name: f" {fresh} "})
    assert secrets_of(account) == SECRETS | {name: fresh}
    assert fresh not in html(answer)


def test_a_refused_form_does_not_send_typed_secrets_back(
    root: Client, account: OfficialAccount
) -> None:
    answer = submit(root, change(account), FORM, app_secret="typed-secret", name="")
    assert "This field is required." in text(answer)
    assert "typed-secret" not in html(answer)
    assert secrets_of(account) == SECRETS


def test_the_history_names_the_secret_that_changed_and_not_its_value(
    root: Client, account: OfficialAccount
) -> None:
    submit(root, change(account), FORM, app_secret="b" * 32)
    entry = LogEntry.objects.get()
    assert "AppSecret" in str(entry)
    assert "b" * 32 not in entry.change_message
    assert "AppSecret" in text(
        root.get(address("templates_app_officialaccount", "history", account.pk))
    )


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("appid", "gh_123", "An AppID is wx and 16 hexadecimal digits."),
        ("api_base_url", "api.weixin.qq.com", "Enter a valid URL."),
        ("backup_domains", "https://api2.weixin.qq.com\nnonsense", "Enter a valid URL."),
        ("encoding_aes_key", "too short", "43 letters and digits"),
        ("previous_aes_key", "k" * 42 + "?", "43 letters and digits"),
    ],
)
def test_a_wrong_value_is_named_at_its_field(
    root: Client, account: OfficialAccount, field: str, value: str, error: str
) -> None:
    answer = submit(root, change(account), FORM, **{field: value})
    assert error in faults(answer).get(field, "")
    assert error in text(answer)


def test_a_callback_mode_with_encryption_needs_the_key(root: Client) -> None:
    answer = submit(root, ADD, FORM, **NEW, callback_mode="safe")
    assert "This callback mode needs the EncodingAESKey." in text(answer)
    assert not OfficialAccount.objects.exists()


def test_the_callback_address_to_enter_at_wechat_is_shown(
    root: Client, account: OfficialAccount
) -> None:
    assert f"/wechat/{account.slug}/callback" in text(root.get(change(account)))


def test_an_account_cannot_be_deleted(root: Client, account: OfficialAccount) -> None:
    where = address("templates_app_officialaccount", "delete", account.pk)
    assert root.post(where, {"post": "yes"}).status_code == 403
    assert OfficialAccount.objects.filter(pk=account.pk).exists()


def test_a_working_connection_is_told_with_the_number_of_templates(
    root: Client, platform: Platform
) -> None:
    said = text(check(root, platform.account))
    assert "WeChat answers. The secret is right; the account has 1 templates." in said


def test_a_wrong_secret_is_told_with_what_to_do(root: Client, platform: Platform) -> None:
    platform.configure(secret="another")
    page = check(root, platform.account)
    assert "errcode 40125: invalid appsecret" in text(page)
    assert "The AppSecret is wrong." in text(page)
    assert "Enter the account's current AppID and AppSecret." in text(page)
    assert platform.account.app_secret not in html(page)
    assert "AppSecret 不正确。" in text(check(root, platform.account, "zh-hans"))


def test_an_address_that_is_not_whitelisted_is_named(root: Client, platform: Platform) -> None:
    platform.configure(ip_not_whitelisted="203.0.113.7")
    said = text(check(root, platform.account))
    assert "errcode 40164" in said
    assert "IP whitelist" in said
    assert "The address to add: 203.0.113.7" in said


def test_a_frozen_secret_is_told_with_what_to_do(root: Client, platform: Platform) -> None:
    platform.configure(frozen=True)
    assert "Unfreeze the AppSecret on mp.weixin.qq.com" in text(check(root, platform.account))


def test_an_account_without_the_permission_for_templates_is_told(
    root: Client, platform: Platform
) -> None:
    platform.configure(api_unauthorized=True)
    assert "errcode 48001" in text(check(root, platform.account))


def test_an_unreachable_address_is_told(root: Client, account: OfficialAccount) -> None:
    account.api_base_url = "http://127.0.0.1:9"
    account.save()
    said = text(check(root, account))
    assert "No usable answer from http://127.0.0.1:9: no connection" in said


def test_an_address_that_is_no_wechat_is_told(root: Client, platform: Platform) -> None:
    fault = {"path": "/cgi-bin/stable_token", "action": "html"}
    platform.simulator.control("POST", "/faults", fault)
    assert "HTTP 502" in text(check(root, platform.account))


def test_an_answer_without_a_token_is_told(root: Client, account: OfficialAccount) -> None:
    with serving(answering("{}")) as server:
        account.api_base_url = server.url
        account.save()
        assert f"No usable answer from {server.url}" in text(check(root, account))


def test_the_question_alone_asks_wechat_nothing(root: Client, platform: Platform) -> None:
    where = address("templates_app_officialaccount", "check_connection", platform.account.pk)
    assert "Check the connection?" in text(root.get(where))
    assert platform.counters()["stable_token_fetches"] == 0


def test_a_secret_that_was_mended_a_moment_ago_is_found_right(
    root: Client, platform: Platform
) -> None:
    platform.configure(secret="another")
    renewal.renew_tokens()
    assert "errcode 40125" in text(check(root, platform.account))
    platform.configure()
    assert "The secret is right" in text(check(root, platform.account))


def test_a_check_leaves_everybody_a_token_that_works(root: Client, platform: Platform) -> None:
    """With the classic call each fetch ends the token before the last."""
    platform.account.token_call = "token"
    platform.account.save()
    renewal.renew_tokens()
    for _ in range(3):
        assert "The secret is right" in text(check(root, platform.account))
    assert len(new_client(platform.account).templates()) == 1
    assert platform.counters()["token_fetches"] == 1 + 3
