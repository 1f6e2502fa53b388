"""How long a session lasts, and what its cookie allows."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from tests.access.conftest import LOGIN, log_in
from tests.admin.browsing import text

LOG = "/admin/notifier/message/"


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Moves the clocks that sessions look at."""
    now, real = timezone.now(), time.time()
    monkeypatch.setattr(timezone, "now", lambda: now + timezone.timedelta(seconds=seconds))
    monkeypatch.setattr(time, "time", lambda: real + seconds)


def test_an_idle_session_ends(user: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = log_in(user)
    at(monkeypatch, settings.SESSION_COOKIE_AGE + 1)
    assert client.get(LOG).headers["Location"].startswith(LOGIN)


def test_a_session_in_use_goes_on(
    user: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = log_in(user)
    ends = Session.objects.get().expire_date
    with monkeypatch.context() as later:
        at(later, settings.SESSION_COOKIE_AGE - 60)
        assert client.get(LOG).status_code == 200
    assert Session.objects.get().expire_date > ends


def test_even_a_session_in_use_ends_at_last_and_says_so(
    user: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SESSION_LIFETIME_SECONDS = 300
    client = log_in(user)
    at(monkeypatch, 200)
    assert client.get(LOG).status_code == 200
    at(monkeypatch, 101)  # after those 200
    answer = client.get(LOG)
    assert answer.headers["Location"] == f"{LOGIN}?next={LOG}"
    assert "Your session has ended" in text(client.get(answer.headers["Location"]))
    assert not Session.objects.filter(pk=client.session.session_key, session_data="").exists()
    assert "_auth_user_id" not in client.session


def test_sessions_end_when_the_password_changes(user: User) -> None:
    client = log_in(user)
    assert client.get(LOG).status_code == 200
    user.set_password("another long password")
    user.save()
    assert client.get(LOG).status_code == 302


def test_the_cookies_are_kept_from_scripts_and_other_sites(user: User) -> None:
    client = Client()
    client.get(LOGIN)
    log_in(user, client)
    for name in ("sessionid", "csrftoken"):
        assert client.cookies[name]["httponly"]
        assert client.cookies[name]["samesite"] == "Lax"


def test_a_login_has_a_session_of_its_own(user: User) -> None:
    client = Client()
    session = client.session
    session["planted"] = "1"
    session.save()
    before = session.session_key
    log_in(user, client)
    assert client.session.session_key != before
