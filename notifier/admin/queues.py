"""RQ's own pages: for those who may administer the queues, and not for all staff as django-rq has
it (one of its buttons empties a queue)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django_rq.urls import get_admin_urlpatterns, get_api_urlpatterns
from redis import RedisError

PERMISSION = "django_rq.admin"


def _guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        try:
            return view(request, *args, **kwargs)
        except RedisError:
            title = gettext("Queues")
            shown = {**admin.site.each_context(request), "title": title}
            return render(request, "notifier/redis_away.html", shown, status=503)

    return admin.site.admin_view(guarded)


figures = get_api_urlpatterns()
"""stats.json and metrics: django-rq shows them to all staff, and wraps them in nothing."""
for pattern in figures:
    pattern.callback = _guarded(pattern.callback)

queue_pages = [*figures, *get_admin_urlpatterns(view_wrapper=_guarded)]
