"""Pages of what is asked through Redis, each for those who have its permission."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from redis import RedisError

View = Callable[..., HttpResponse]


def guarded(permission: str, title: Promise) -> Callable[[View], View]:
    """Of a view: 403 without the permission, 503 with words where Redis does not answer."""

    def wrap(view: View) -> View:
        @wraps(view)
        def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            try:
                return view(request, *args, **kwargs)
            except RedisError:
                context = {**admin.site.each_context(request), "title": title}
                return render(request, "notifier/redis_away.html", context, status=503)

        return admin.site.admin_view(shown)

    return wrap
