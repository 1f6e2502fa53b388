"""The one requests.Session of the process: tokens, templates, everything but the messages."""

from functools import lru_cache

import requests
from requests.adapters import HTTPAdapter


@lru_cache(maxsize=1)
def shared_session(ca_file: str) -> requests.Session:
    """No proxies or .netrc of the environment. `ca_file`: the certificates trusted, as PEM."""
    session = requests.Session()
    session.trust_env = False
    session.verify = ca_file
    adapter = HTTPAdapter(pool_connections=16, pool_maxsize=8, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
