"""The platform, with a page that burns: gunicorn tests.profiling.burning_web"""

from collections.abc import Callable, Iterable
from typing import Any

from config.wsgi import application as platform

from tests.profiling.burning import burn  # isort: skip  # asks for Django's settings


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] != "/burn":
        return platform(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    burn(float(environ["QUERY_STRING"]))
    return [b"burnt"]
