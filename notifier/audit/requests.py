"""Who acts in a request: the user of a page, the client of an endpoint."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from notifier.acting import Actor, acting
from notifier.observability.requests import client_address, current_request_id


def by_user(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Middleware, after Django's own that knows the user. Nobody is looked up before something is
    recorded."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with acting(lambda: _actor(request)):
            return get_response(request)

    return middleware


def _actor(request: HttpRequest) -> Actor:
    kind = "user" if request.user.is_authenticated else "anonymous"
    name = request.user.get_username()
    return Actor(kind, name, client_address(request), current_request_id())
