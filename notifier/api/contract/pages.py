"""/api/schema/ (OpenAPI 3.1, JSON), /api/docs/ (Swagger UI) and /api/redoc/, all from here: no page
loads anything from elsewhere."""

from functools import cache
from threading import Lock

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

_making = Lock()
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "worker-src blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def schema(_request: HttpRequest) -> HttpResponse:
    """For everybody: it tells nothing that is not in this repository."""
    return HttpResponse(document(), content_type="application/vnd.oai.openapi+json")


@cache
def document() -> bytes:
    """It changes with the code alone. One thread makes it: the library finds its extensions
    meanwhile, and two would find them half loaded."""
    with _making, translation.override("en"):
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]
        found = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return msgspec.json.format(msgspec.json.encode(found), indent=1)


def page(request: HttpRequest, name: str) -> HttpResponse:
    response = render(request, f"notifier/{name}.html")
    response["Content-Security-Policy"] = POLICY
    return response
