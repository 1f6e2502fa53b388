"""Work with a known hot function, for real processes: as jobs of a worker, and as a page of a web
process (`burning_web.py`). Its frames hold secrets."""

import threading
import time
import tracemalloc

from notifier.dispatch.lanes import redis

SECRETS = ("ohy7Kq2PzLmW9xTtGnRb4vYcAeJd", "wx-app-5ec2e7-secret", "云南白茶已发货")
"""An OpenID, a secret, a text: values of the frames, and no argument of a job."""
held: list[bytearray] = []


def burn(seconds: float) -> None:
    openid, app_secret, text = SECRETS
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        hot_function(openid, secret=app_secret, values={"thing": text})


def hot_function(openid: str, *, secret: str, values: dict[str, str]) -> int:
    token, total = f"{openid}{secret}{values}", 0
    for number in range(20_000):
        total += number * number
    return total + len(token)


def grow(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        held.append(bytearray(10_000))
        time.sleep(0.005)


def tell(key: str) -> None:
    """What runs in this process, for who looks whether nothing does."""
    names = sorted(one.name for one in threading.enumerate())
    redis().rpush(key, repr((tracemalloc.is_tracing(), names)))
