"""Requests of programs go straight to their views: sessions, languages, cookies and messages are
for people's pages, and cost a third of what accepting a message does."""

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve

PROGRAMS = ("/api/", "/wechat/", "/gateway/")
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Load balancers and Prometheus ask a process by its address, which ALLOWED_HOSTS need not name."""


def straight_to_views(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware; before all that is for pages."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PROGRAMS):
            request.get_host()  # raises DisallowedHost, as CommonMiddleware has it
        elif request.path_info not in PROBES:
            return get_response(request)
        match = request.resolver_match = _resolved(request.path_info, settings.ROOT_URLCONF)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if callable(render := getattr(response, "render", None)):
            response = render()
        response["X-Content-Type-Options"] = "nosniff"
        if not response.streaming:
            response["Content-Length"] = str(len(response.content))
        return response

    return middleware


@lru_cache(maxsize=256)
def _resolved(path: str, urls: str) -> ResolverMatch:
    """Django tries address after address, for each request anew. Raises Resolver404, which is not
    kept."""
    return resolve(path, urls)
