"""Whoever calls with a key: whether it may be used at all, from there, and for that."""

from collections.abc import Sequence

from notifier.models import ApiKey, Scope
from notifier.models.keys import find_key


class WrongAddress(Exception):
    """The key may not be used from where the request came."""


class WrongScope(Exception):
    """The key may not do this."""

    def __init__(self, scope: str, scopes: Sequence[str]) -> None:
        super().__init__(scope)
        self.scope, self.scopes = scope, scopes


def admitted(key: str, address: str) -> ApiKey | None:
    """None: unknown, revoked or expired, or its client is switched off. Raises WrongAddress."""
    found = find_key(key)
    if found is not None and not found.may_come_from(address):
        raise WrongAddress(address)
    return found


def check_scope(key: ApiKey, needed: Scope | tuple[Scope, ...]) -> None:
    """One of several is enough. Raises WrongScope."""
    if not set(in_any(needed)) & set(key.scopes):
        raise WrongScope(" or ".join(in_any(needed)), key.scopes)


def in_any(needed: Scope | tuple[Scope, ...]) -> tuple[Scope, ...]:
    return needed if isinstance(needed, tuple) else (needed,)
