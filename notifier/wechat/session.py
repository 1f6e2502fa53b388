"""The one requests.Session of the process: every call to WeChat goes through its pool."""

from functools import lru_cache

import requests
from requests.adapters import HTTPAdapter


@lru_cache(maxsize=1)
def shared_session(pool_size: int) -> requests.Session:
    """Keeps up to `pool_size` connections a host open; no proxies or .netrc of the environment."""
    session = requests.Session()
    session.trust_env = False
    adapter = HTTPAdapter(pool_connections=16, pool_maxsize=pool_size, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
