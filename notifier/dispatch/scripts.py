"""The scripts of `lua/`, by name. Redis carries each out whole: nobody comes between."""

from functools import lru_cache
from pathlib import Path

from redis.commands.core import Script

from notifier.dispatch.lanes import redis


@lru_cache
def script(name: str) -> Script:
    return redis().register_script((Path(__file__).parent / "lua" / f"{name}.lua").read_text())
