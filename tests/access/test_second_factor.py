"""The second factor: set up, asked for, forced on a role, removed; and each code counts once."""

import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken

from notifier.models import AuditEntry, Authenticator
from tests.access.conftest import (
    FACTOR,
    code_of,
    log_in,
    make_user,
    next_code,
    typed,
    with_factor,
)
from tests.admin.browsing import address, confirm, html, text

LOG = "/admin/notifier/message/"


def shown_key(client: Client) -> str:
    found = re.search(r"<code[^>]*>([A-Z2-7 ]+)</code>", html(client.get(FACTOR)))
    assert found
    return typed(found[1])


def shown_codes(page: str) -> list[str]:
    return re.findall(r"<code>([a-z0-9]{5}-[a-z0-9]{5})</code>", page)


def did() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_setting_it_up_shows_a_picture_and_a_key_and_then_recovery_codes_once(user: User) -> None:
    client = log_in(user)
    page = html(client.get(FACTOR))
    assert "<svg" in page
    key = shown_key(client)
    assert not Authenticator.objects.exists()
    wrong = client.post(FACTOR, {"code": f"{(int(code_of(key)) + 1) % 1_000_000:06d}"})
    assert "not right" in text(wrong)
    done = client.post(FACTOR, {"code": code_of(key)})
    assert len(set(shown_codes(html(done)))) == 10
    assert shown_codes(html(client.get(FACTOR))) == []
    assert client.get(LOG).status_code == 200
    assert did() == ["login", "enrol", "second_factor"]
    trail = str(list(AuditEntry.objects.values()))
    assert key not in trail


def test_recovery_codes_are_stored_as_digests_alone(user: User) -> None:
    codes = with_factor(user)
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert not stored & {*codes, *(code.replace("-", "") for code in codes)}


def test_after_the_password_nothing_opens_before_the_code(user: User) -> None:
    with_factor(user)
    client = log_in(user)
    for page in (LOG, "/admin/", "/admin/password_change/", "/admin/rq/", "/"):
        answer = client.get(page)
        assert (answer.status_code, answer.headers["Location"][: len(FACTOR)]) == (302, FACTOR)
    assert client.post("/admin/password_change/", {}).status_code == 302
    answer = client.post(f"{FACTOR}?next={LOG}", {"code": next_code(user)})
    assert (answer.status_code, answer.headers["Location"]) == (302, LOG)
    assert client.get(LOG).status_code == 200


def test_a_second_session_owes_a_code_of_its_own(user: User) -> None:
    codes = with_factor(user)
    first = log_in(user)
    first.post(FACTOR, {"code": codes[0]})
    assert first.get(LOG).status_code == 200
    assert log_in(user).get(LOG).status_code == 302


def test_a_wrong_code_is_counted_and_then_even_the_right_one_waits(
    user: User, settings: Any
) -> None:
    settings.LOGIN_FAILURES = 3
    codes = with_factor(user)
    client = log_in(user)
    for _ in range(3):
        assert "not right" in text(client.post(FACTOR, {"code": "000000"}))
    other = log_in(user)  # the count is the person's, not the session's
    assert "Try again in 15 minutes" in text(other.post(FACTOR, {"code": codes[0]}))
    assert did().count("second_factor_failed") == 3
    assert did().count("locked_out") == 1
    settings.LOGIN_LOCK_SECONDS = 0
    assert other.post(FACTOR, {"code": codes[0]}).status_code == 302


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_a_code_counts_once(user: User, kind: str) -> None:
    codes = with_factor(user)
    code = next_code(user) if kind == "app" else codes[3].upper().replace("-", " ")
    assert log_in(user).post(FACTOR, {"code": code}).status_code == 302
    assert "not right" in text(log_in(user).post(FACTOR, {"code": code}))


def test_another_persons_code_does_not_fit(user: User) -> None:
    with_factor(user)
    codes = with_factor(make_user())
    assert "not right" in text(log_in(user).post(FACTOR, {"code": codes[0]}))


def test_a_role_that_needs_it_can_do_nothing_before_it_is_set_up(user: User, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = ["sender"]
    client, other = log_in(user), log_in(make_user("auditor"))
    assert client.get(LOG).headers["Location"].startswith(FACTOR)
    assert other.get(LOG).status_code == 200
    key = shown_key(client)
    client.post(FACTOR, {"code": code_of(key)})
    assert client.get(LOG).status_code == 200
    removal = client.post(FACTOR, {"code": next_code(user), "remove": "1"})
    assert removal.status_code == 200
    assert Authenticator.objects.filter(user=user).exists()


@pytest.mark.parametrize("wanted", [["*"], ["administrator"]])
def test_who_may_everything_counts_as_an_administrator(
    db: None, settings: Any, wanted: list[str]
) -> None:
    settings.SECOND_FACTOR_ROLES = wanted
    client = log_in(make_user(is_superuser=True))
    assert client.get("/admin/").headers["Location"].startswith(FACTOR)


def test_it_can_be_removed_by_oneself_with_a_code(user: User) -> None:
    codes = with_factor(user)
    client = log_in(user)
    client.post(FACTOR, {"code": codes[0]})
    assert "not right" in text(client.post(FACTOR, {"code": codes[0], "remove": "1"}))
    client.post(FACTOR, {"code": codes[1], "remove": "1"})
    assert not Authenticator.objects.exists()
    assert not StaticToken.objects.exists()
    assert log_in(user).get(LOG).status_code == 200


def test_new_recovery_codes_end_the_old_ones(user: User) -> None:
    codes = with_factor(user)
    client = log_in(user)
    client.post(FACTOR, {"code": codes[0]})
    fresh = shown_codes(html(client.post(FACTOR, {"code": codes[1]})))
    assert len(fresh) == 10
    assert log_in(user).post(FACTOR, {"code": codes[2]}).status_code == 200
    assert log_in(user).post(FACTOR, {"code": fresh[0]}).status_code == 302


def test_an_administrator_removes_it_and_that_is_recorded(user: User) -> None:
    with_factor(user)
    page = address("auth_user", "remove_second_factor", user.pk)
    assert log_in(make_user("auditor")).post(page, {"_form_submitted": "True"}).status_code == 403
    assert Authenticator.objects.exists()
    boss = make_user("administrator")
    confirm(log_in(boss), page)
    assert not Authenticator.objects.exists()
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.actor, entry.object_name) == (
        "remove_factor",
        boss.username,
        user.username,
    )


def test_a_command_removes_it_where_nobody_else_can(user: User) -> None:
    with_factor(user)
    call_command("remove_second_factor", user.username, stdout=StringIO())
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.latest("id").action == "remove_factor"
    for name in (user.username, "nobody"):
        with pytest.raises(CommandError, match=name):
            call_command("remove_second_factor", name)


def test_an_open_session_ends_its_trust_with_the_device(user: User, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = ["sender"]
    with_factor(user)
    client = log_in(user)
    client.post(FACTOR, {"code": next_code(user)})
    assert client.get(LOG).status_code == 200
    Authenticator.objects.all().delete()
    assert client.get(LOG).status_code == 302


def test_it_leads_on_to_pages_of_this_site_alone(user: User) -> None:
    codes = with_factor(user)
    answer = log_in(user).post(f"{FACTOR}?next=https://evil.example/", {"code": codes[0]})
    assert answer.headers["Location"] == "/admin/"
