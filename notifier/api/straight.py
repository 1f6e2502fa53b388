"""Requests of programs go straight to their views: sessions, languages, cookies and messages are
for people's pages, and cost a third of what accepting a message does."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import resolve

PROGRAMS = ("/api/", "/wechat/", "/gateway/")


def straight_to_views(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware; before all that is for pages."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PROGRAMS):
            return get_response(request)
        request.get_host()  # raises DisallowedHost, as CommonMiddleware has it
        match = request.resolver_match = resolve(request.path_info)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if callable(render := getattr(response, "render", None)):
            response = render()
        response["X-Content-Type-Options"] = "nosniff"
        if not response.streaming:
            response["Content-Length"] = str(len(response.content))
        return response

    return middleware
