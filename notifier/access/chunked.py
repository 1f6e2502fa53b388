"""Bodies without a length (Transfer-Encoding: chunked), as .NET, Go, Java and Node send what they
do not hold whole. Django takes them for empty."""

from io import BytesIO
from typing import Any, cast

from django.http import HttpRequest, UnreadablePostError


def is_chunked(request: HttpRequest) -> bool:
    """The server says that its input ends where the body does."""
    return bool(request.META.get("wsgi.input_terminated")) and not request.META.get(
        "CONTENT_LENGTH"
    )


def take_in(request: HttpRequest, limit: int) -> bool:
    """Such a body becomes one that can be read as any other. False: it has more bytes than `limit`.
    Raises UnreadablePostError where it breaks off."""
    if not is_chunked(request):
        return True
    try:
        body = request.META["wsgi.input"].read(limit + 1)
    except Exception as error:  # each server has its own
        raise UnreadablePostError(*error.args) from error
    request.META["CONTENT_LENGTH"] = str(len(body))
    cast(Any, request)._stream = BytesIO(body)
    return len(body) <= limit
