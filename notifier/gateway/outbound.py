"""The one way out to a service's own address; guarded as webhooks are."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from notifier.webhooks.wire import Line, Unsent, session_on

TIMEOUT = (3, 5)
"""Seconds to connect and to wait: WeChat waits 5 for an answer."""
SECONDS = 10.0
"""A call takes at most: others wait for its thread."""
MOST = 1024
"""Bytes of an answer that are read."""
AT_ONCE = 16


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The HTTP status. Raises OSError (that of `requests` is one)."""
    with (
        _session() as session,
        session.post(
            url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
        ) as answer,
    ):
        return answer.status_code


def get(url: str, headers: dict[str, str]) -> tuple[int, str]:
    """The HTTP status and the beginning of the body. Raises OSError."""
    with (
        _session() as session,
        session.get(
            url, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
        ) as answer,
    ):
        text = answer.raw.read(MOST, decode_content=True).decode("utf-8", "replace")
        return answer.status_code, text


@contextmanager
def _session() -> Iterator[requests.Session]:
    line = Line()
    line.begin(SECONDS)
    # A server that sends a byte now and then runs into no time-out of the socket.
    end = threading.Timer(SECONDS + 0.1, line.cut_if_late)
    end.daemon = True
    end.start()
    try:
        with session_on(line) as session:
            yield session
        if line.was_cut:  # in the midst of the headers, which the library takes for their end
            raise TimeoutError
    except Unsent as error:
        raise OSError(error.problem) from None
    except Exception as error:
        raise (TimeoutError if line.was_cut else error) from None
    finally:
        end.cancel()
