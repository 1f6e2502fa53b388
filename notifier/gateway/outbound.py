"""The one way out to a service's own address; guarded as webhooks are."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from notifier.webhooks.post import problem_of
from notifier.webhooks.wire import Line, session_on

TIMEOUT = (3, 5)
"""Seconds to connect and to wait: WeChat waits 5 for an answer."""
SECONDS = 10.0
"""A call takes at most: others wait for its thread."""
MOST = 1024
"""Bytes of an answer that are read."""
AT_ONCE = 16


class Unreached(Exception):
    """No answer; `problem` is a name of `notifier/webhooks/problems.py`."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The HTTP status. Raises Unreached."""
    with (
        _session() as session,
        session.post(
            url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
        ) as answer,
    ):
        return answer.status_code


def get(url: str, headers: dict[str, str]) -> tuple[int, str]:
    """The HTTP status and the beginning of the body. Raises Unreached."""
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
            raise Unreached("timeout")
    except Unreached:
        raise
    except Exception as error:  # whatever an address can do
        raise Unreached(problem_of(error, line)) from None
    finally:
        end.cancel()
