"""The token that all processes share, as Redis holds it: encrypted."""

from django.core.cache import cache

from notifier.wechat.tokens import KEY
from templates_app.encryption import fernet


def share(appid: str, token: str) -> None:
    """As if somebody had fetched it."""
    cache.set(f"{KEY}:{appid}", fernet().encrypt(token.encode()).decode(), timeout=60)


def shared(appid: str) -> str:
    """Empty: there is none."""
    sealed = cache.get(f"{KEY}:{appid}")
    return fernet().decrypt(sealed.encode()).decode() if sealed else ""
