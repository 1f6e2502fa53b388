"""Failed logins: after some there is a wait, for this name from this address."""

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from notifier.access import throttle
from notifier.models import AuditEntry, LoginFailures
from tests.access.conftest import LOGIN, log_in
from tests.admin.browsing import text

WAIT = "Too many failed attempts. Try again in 15 minutes."


def fail(
    name: str, address: str = "192.0.2.1", times: int = 1, client: Client | None = None
) -> str:
    client = client or Client()
    for _ in range(times):
        given = {"username": name, "password": "wrong"}
        answer = client.post(LOGIN, given, REMOTE_ADDR=address)
    return text(answer)


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_after_five_failures_the_right_password_waits_as_well(user: User) -> None:
    assert WAIT not in fail(user.username, "127.0.0.1", 5)
    assert WAIT in fail(user.username, "127.0.0.1")
    assert not is_in(log_in(user))
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        *["login_failed"] * 5,
        "locked_out",
    ]
    assert AuditEntry.objects.latest("id").actor == user.username


def test_the_wait_ends(user: User, settings: Any) -> None:
    fail(user.username, "127.0.0.1", 6)
    long_ago = timezone.now() - timezone.timedelta(seconds=settings.LOGIN_LOCK_SECONDS + 1)
    LoginFailures.objects.update(last_at=long_ago)
    assert is_in(log_in(user))


def test_others_do_not_wait(user: User) -> None:
    fail(user.username, "192.0.2.1", 6)
    assert is_in(log_in(user))  # from another address
    assert WAIT not in fail("somebody-else")


def test_a_login_forgets_the_failures_before_it(user: User) -> None:
    for _ in range(3):
        fail(user.username, "127.0.0.1", 4)
        assert is_in(log_in(user))


def test_many_names_from_one_address_wait_as_well(user: User) -> None:
    for number in range(50):
        fail(f"name-{number}", "127.0.0.1")
    assert not is_in(log_in(user))


def test_the_name_is_the_same_in_capitals(user: User) -> None:
    fail(user.username, times=3)
    fail(user.username.upper(), times=2)
    assert WAIT in fail(user.username)


def test_behind_a_proxy_the_callers_address_counts_and_not_what_he_claims(
    user: User, settings: Any
) -> None:
    settings.PROXY_COUNT = 1
    for number in range(6):
        client = Client(headers={"x-forwarded-for": f"10.1.1.{number}, 203.0.113.5"})
        answer = fail(user.username, "10.0.0.1", client=client)
    assert WAIT in answer
    other = Client(headers={"x-forwarded-for": "203.0.113.6"})
    assert is_in(log_in(user, other))


def test_no_name_and_no_address_is_stored(user: User) -> None:
    fail("my password, by mistake")
    rows = str(list(LoginFailures.objects.values()))
    assert "mistake" not in rows
    assert "192.0.2.1" not in rows
    assert "mistake" not in str(list(AuditEntry.objects.values()))


def test_an_empty_form_is_no_attempt(db: None) -> None:
    Client().post(LOGIN, {"username": "anna", "password": ""})
    assert not LoginFailures.objects.exists()


def test_what_is_over_is_forgotten(user: User) -> None:
    fail("somebody")
    LoginFailures.objects.update(last_at=timezone.now() - timezone.timedelta(days=1))
    log_in(user)
    assert LoginFailures.objects.filter(count__gt=0).count() == 0


@pytest.mark.django_db(transaction=True)
def test_attempts_at_the_same_moment_are_no_more_than_one_after_the_other() -> None:
    allowed: list[int] = []

    def attempt() -> None:
        try:
            allowed.append(not throttle.of_login("anna", "192.0.2.1").wait)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(allowed), sum(allowed)) == (12, 5)
