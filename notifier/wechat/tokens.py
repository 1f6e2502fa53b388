"""One access token an account, shared by all processes, fetched by one of them at a time.

The cache (django-redis) and the cipher are passed in; nothing here knows Django. The cache holds
the token encrypted: who reads a dump of Redis cannot send with it.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.fernet import InvalidToken

from notifier.wechat.errors import (
    Ambiguous,
    Kind,
    NoToken,
    NotYet,
    Refused,
    Unreachable,
    token_error_kind,
)

KEY = "wechat-token"
OVERLAP_SECONDS = 300
"""stable_token gives a new token in the last 5 minutes of the old one's life; both work then."""
EARLY_SECONDS = 60
"""A token is used until so long before its end; the clock replaces it well before."""
MEMORY_SECONDS = 3.0
FAILURE_SECONDS = 5
"""After a refused token call nobody asks again for so long: fifty waiting threads, one call."""
LOCK_SECONDS = 30
FETCHES_SECONDS = 30 * 24 * 3600


class TokenRefused(Refused):
    """WeChat refused the token call itself: a matter of the account, not of a message."""


@dataclass(frozen=True, slots=True)
class Token:
    value: str
    expires_in: int
    """Seconds."""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "Token":
        try:
            return cls(str(answer["access_token"]), int(answer.get("expires_in", 7200)))
        except (KeyError, TypeError, ValueError):  # a proxy's answer, say
            raise Ambiguous("an answer without a usable token") from None


class TokenCache(Protocol):
    def get(self, key: str) -> Any: ...
    def set(self, key: str, value: Any, timeout: int) -> Any: ...
    def delete(self, key: str) -> Any: ...
    def ttl(self, key: str) -> int | None: ...
    def lock(
        self, key: str, *, timeout: float, blocking_timeout: float
    ) -> AbstractContextManager[Any]: ...


class Cipher(Protocol):
    """As cryptography's Fernet and MultiFernet have it."""

    def encrypt(self, msg: bytes) -> bytes: ...
    def decrypt(self, msg: bytes) -> bytes: ...


def forget_failure(cache: TokenCache, name: str) -> None:
    """Somebody has mended the account: the next call may ask for a token at once."""
    cache.delete(f"{KEY}:{name}:failure")


def fetches(cache: TokenCache, name: str) -> tuple[int, float]:
    """How many tokens were fetched, and when the last one (Unix seconds; 0: none in a month)."""
    count, at = cache.get(f"{KEY}:{name}:fetches") or (0, 0.0)
    return int(count), float(at)


class Tokens:
    """The token of one account: `remembered() or obtain(None)`; when WeChat refused it, the same
    with the dead one named."""

    def __init__(
        self, cache: TokenCache, cipher: Cipher, name: str, fetch: Callable[[], Token]
    ) -> None:
        self._cache = cache
        self._cipher = cipher
        self._fetch = fetch
        self._name, self._key = name, f"{KEY}:{name}"
        self._memory: tuple[str, float] = ("", 0.0)
        self._in_process = threading.Lock()

    def remembered(self, dead: str | None = None) -> str | None:
        """What the process learnt in the last seconds, unless that is `dead`. Never waits."""
        value, until = self._memory
        return value if value and value != dead and time.monotonic() < until else None

    def forget(self, dead: str) -> None:
        """WeChat refused it: who begins now waits for the next one, and is not refused as well."""
        if self._memory[0] == dead:
            self._memory = ("", 0.0)

    def obtain(self, dead: str | None) -> str:
        """The shared token, or a fetched one. `dead`: WeChat refused it. Compares first: if
        another process has replaced it already, theirs is taken and nothing is fetched.

        Raises TokenRefused, or Unreachable (no token: nothing was sent).
        """
        with self._in_process:  # one thread asks Redis; the others find its answer in memory
            if value := self.remembered(dead):
                return value
            try:
                token = self._cached(dead) or self._fetch_once(dead)
            except (Refused, Unreachable):
                self._memory = ("", 0.0)
                raise
            except Ambiguous as error:
                raise Unreachable(f"no access token ({error})") from None  # nothing was sent
            except Exception as error:
                # Redis is away. Its exception may show connection details, so only its name stays.
                raise NoToken(f"no access token ({type(error).__name__})") from None
            self._memory = (token, time.monotonic() + MEMORY_SECONDS)
            return token

    def renew(self) -> bool:
        """Fetches the next token once the old one is in its last minutes, or is missing, so that no
        send waits for it. Raises TokenRefused, Unreachable or Ambiguous; True: it fetched."""
        with self._lock():
            left = self._cache.ttl(self._key) or 0  # django-redis: 0 when it is missing
            if left > OVERLAP_SECONDS - EARLY_SECONDS or self._cache.get(f"{self._key}:failure"):
                return False
            self._fetch_and_store(None)
            return True

    def replace(self) -> None:
        """Fetches a token now, for a person who wants to know whether it can be had: neither the
        shared token nor a failure a moment ago answers for WeChat. The new one is shared, for it
        may be the end of the old. Raises TokenRefused, Unreachable or Ambiguous."""
        try:
            with self._lock():
                token = self._fetch_and_store(None)
                self._cache.delete(f"{self._key}:failure")
        except (Refused, Unreachable, Ambiguous):
            raise
        except Exception as error:  # Redis, as in `obtain`
            raise Unreachable(f"no access token ({type(error).__name__})") from None
        self._memory = (token, time.monotonic() + MEMORY_SECONDS)

    def is_there(self) -> bool:
        """Sends have a token that is still good."""
        return self.shared() is not None

    def shared(self) -> str | None:
        """The one that all processes use now."""
        return self._cached(None)

    def _cached(self, dead: str | None) -> str | None:
        sealed = self._cache.get(self._key)
        try:
            value = self._cipher.decrypt(sealed.encode()).decode() if sealed else None
        except InvalidToken:  # of a key that is gone: WeChat gives the same token once more
            value = None
        return value if value != dead else None

    def _fetch_once(self, dead: str | None) -> str:
        with self._lock():
            if found := self._cached(dead):
                return found
            if failure := self._cache.get(f"{self._key}:failure"):
                if token_error_kind(failure[0]) is Kind.RETRY:
                    raise NotYet(f"no access token (errcode {failure[0]} a moment ago)")
                raise TokenRefused(*failure)
            return self._fetch_and_store(dead)

    def _lock(self) -> AbstractContextManager[Any]:
        return self._cache.lock(
            f"{self._key}:lock", timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS
        )

    def _fetch_and_store(self, dead: str | None) -> str:
        try:
            token = self._fetch()
            if token.value == dead:
                # Force mode would end the token of everybody else: a person must decide that.
                raise Refused(40001, "WeChat refuses the token and gives the same one again", "")
        except Refused as error:
            if dead is not None:  # a renewal that fails leaves the old one, which is still good
                self._cache.delete(self._key)
            failure = (error.errcode, error.errmsg, error.rid)
            self._cache.set(f"{self._key}:failure", failure, timeout=FAILURE_SECONDS)
            raise TokenRefused(*failure) from None
        sealed = self._cipher.encrypt(token.value.encode()).decode()
        self._cache.set(self._key, sealed, timeout=max(token.expires_in - EARLY_SECONDS, 10))
        count, _at = fetches(self._cache, self._name)
        told = (count + 1, time.time())  # under the lock
        self._cache.set(f"{self._key}:fetches", told, timeout=FETCHES_SECONDS)
        return token.value
