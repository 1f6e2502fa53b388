"""What each middleware costs a request of a program: the same request through the chain without it.

python -m tests.benchmarks.middleware: microseconds a request, in one thread, no server.
"""

import gc
import os
import time

from tests.benchmarks import environment  # isort: skip - starts the services first
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.test.utils import override_settings
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

COUNT, ROUNDS = 3000, 9


@csrf_exempt
def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("api/nothing", nothing), path("page/nothing", nothing)]


def microseconds(chain: list[str], address: str) -> float:
    with override_settings(MIDDLEWARE=chain, ROOT_URLCONF=__name__):
        handler = BaseHandler()
        handler.load_middleware()
        requests = [RequestFactory().post(address) for _ in range(COUNT)]
        gc.collect()
        gc.disable()  # it looks through the thousands of requests here, in whose midst it likes
        try:
            started = time.perf_counter()
            for request in requests:
                handler.get_response(request)
            return (time.perf_counter() - started) / COUNT * 1e6
        finally:
            gc.enable()


def main() -> None:
    os.environ.setdefault("HONGYAN_DEMO", "1")
    untimed = [name for name in settings.MIDDLEWARE if not name.endswith(".request_time")]
    chains = {
        "no middleware": ([], "/api/nothing"),
        "the API, without request timing": (untimed, "/api/nothing"),
        "the API: all": (settings.MIDDLEWARE, "/api/nothing"),
        "a page, without request timing": (untimed, "/page/nothing"),
        "a page: all": (settings.MIDDLEWARE, "/page/nothing"),
    }
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, (chain, address) in chains.items():
            found.setdefault(name, []).append(microseconds(chain, address))
    base = environment.median(found["no middleware"])
    print("| chain | µs a request | more than without |", "| --- | ---: | ---: |", sep="\n")
    for name, times in found.items():
        cost = environment.median(times)
        print(f"| {name} | {cost:.1f} | {cost - base:+.1f} |")


if __name__ == "__main__":
    main()
