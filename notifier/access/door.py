"""Middleware, after those that know the user: ends sessions that have lasted long enough, and lets
nobody past the second factor who owes it. Its own answers are redirects."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext

from notifier.access.second_factor import owed

BEGAN, SEEN = "began", "seen"
OPEN = ("second-factor", "set_language", "admin:logout")
"""The pages of who still owes the second factor."""


def connect() -> None:
    user_logged_in.connect(_begin, dispatch_uid="session began")


def _begin(request: HttpRequest, **_kwargs: Any) -> None:
    request.session[BEGAN] = request.session[SEEN] = int(time.time())


def door(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return get_response(request)
        if _is_over(request):
            return _ended(request)
        if owed(request.user) and request.path not in map(reverse, OPEN):
            back = urlencode({"next": request.get_full_path() if request.method == "GET" else ""})
            return redirect(f"{reverse('second-factor')}?{back}")
        return get_response(request)

    return middleware


def _is_over(request: HttpRequest) -> bool:
    """The idle time is Django's (SESSION_COOKIE_AGE), counted from the last time the session was
    stored: it is stored again once a minute, and not with each page."""
    now = int(time.time())
    if now - request.session.get(SEEN, 0) >= min(60, settings.SESSION_COOKIE_AGE // 10):
        request.session[SEEN] = now
    began = int(request.session.setdefault(BEGAN, now))
    return now - began >= settings.SESSION_LIFETIME_SECONDS


def _ended(request: HttpRequest) -> HttpResponse:
    back = request.get_full_path() if request.method == "GET" else reverse("admin:index")
    logout(request)
    messages.info(request, gettext("Your session has ended. Log in again to go on."))
    return redirect_to_login(back)
