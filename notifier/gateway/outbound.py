"""The one way out to a service's own address."""

from functools import lru_cache

import requests

TIMEOUT = (3, 5)
"""Seconds to connect and to wait: WeChat waits 5 for an answer."""
MOST = 1024
"""Bytes of an answer that are read."""
AT_ONCE = 16


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The HTTP status. Raises OSError (that of `requests` is one)."""
    with _session().post(
        url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
    ) as answer:
        return answer.status_code


def get(url: str, headers: dict[str, str]) -> tuple[int, str]:
    """The HTTP status and the beginning of the body."""
    with _session().get(
        url, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True
    ) as answer:
        return answer.status_code, answer.raw.read(MOST, decode_content=True).decode(
            "utf-8", "replace"
        )


@lru_cache(maxsize=1)
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=AT_ONCE)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session
