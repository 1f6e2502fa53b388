"""The only reader of the environment. Every error names the variable and says what to set.

A variable NAME may also be given as NAME_FILE: the path of a file that holds the value.
"""

import json
import math
import os
import secrets
import sys
import warnings
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

environ.Env.read_env(str(BASE_DIR / ".env"))
# The mapping, not the Env around it: that reads a value which begins with $ as another variable.
_values = environ.FileAwareEnv().ENVIRON


class Misconfigured(ImproperlyConfigured):
    """A variable is missing or wrong. The text is for who sets it; no traceback says more."""


def _read(name: str, cast: Callable[[str], Any], default: Any, expected: str) -> Any:
    """The variable, cast; `default` where it is unset or empty."""
    try:
        raw = _values.get(name, "")
    except OSError as error:
        raise Misconfigured(f"{name}_FILE: cannot read the file: {error}") from None
    text = str(raw).strip()
    if not text:
        return default
    try:
        return cast(text)
    except (ValueError, KeyError):
        # The value is not repeated: it may be a secret typed into the wrong variable.
        raise Misconfigured(f"{name} must be {expected}.") from None


def text(name: str, default: str = "") -> str:
    return str(_read(name, str, default, "text"))


def flag(name: str, default: bool = False) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    return bool(_read(name, lambda raw: words[raw.lower()], default, "1 or 0"))


def integer(name: str, default: int, minimum: int = 0, maximum: int | None = None) -> int:
    def cast(raw: str) -> int:
        value = int(raw)
        if value < minimum or (maximum is not None and value > maximum):
            raise ValueError
        return value

    most = "" if maximum is None else f" and at most {maximum}"
    return int(_read(name, cast, default, f"a whole number of at least {minimum}{most}"))


def seconds(name: str, default: float) -> float:
    def cast(raw: str) -> float:
        if not 0 < (value := float(raw)) < math.inf:
            raise ValueError
        return value

    return float(_read(name, cast, default, "a number of seconds above 0"))


def names(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list."""
    raw = text(name, ",".join(default))
    return [part.strip() for part in raw.split(",") if part.strip()]


def networks(name: str, default: tuple[str, ...] = ()) -> list[IPv4Network | IPv6Network]:
    """A comma-separated list of networks such as 10.0.0.0/8."""

    def cast(raw: str) -> list[IPv4Network | IPv6Network]:
        return [ip_network(part.strip()) for part in raw.split(",") if part.strip()]

    expected = "a comma-separated list of networks such as 10.0.0.0/8"
    return list(_read(name, cast, cast(",".join(default)), expected))


def directory(name: str, default: Path) -> Path:
    return Path(text(name, str(default))).expanduser().resolve()


LASTING = {"worker", "clock", "demo"}


def hand_on(name: str, folder: Path) -> bool:
    """For a library that reads the environment itself.

    False: not to a command that ends soon, whose files nobody would ask for.
    """
    if Path(sys.argv[0]).name == "manage.py" and not LASTING & {*sys.argv[1:2]}:
        os.environ.pop(name, None)
        return False
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the mode is not for parents
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ[name] = str(folder)
    return True


def home() -> Path:
    """The folder of all that Hongyan keeps in files."""
    return directory("HONGYAN_HOME", BASE_DIR / "var")


def database(name: str, default: str) -> dict[str, Any]:
    """Django's form of a database URL: sqlite:///path, postgresql://user:password@host/name."""
    try:
        with warnings.catch_warnings():  # it would warn with the URL's parts, the password as well
            warnings.simplefilter("ignore")
            config = dict(environ.Env.db_url_config(text(name, default)))
    except (ValueError, KeyError, ImproperlyConfigured):
        config = {}
    if "." not in config.get("ENGINE", ""):  # a word of its own for a scheme it does not know
        raise Misconfigured(
            f"{name} must be a URL such as sqlite:////var/lib/hongyan/hongyan.sqlite3 or "
            "postgresql://user:password@host:5432/hongyan."
        )
    return config


def email(name: str, default: str) -> dict[str, Any]:
    """Django's EMAIL_ settings of a URL: smtp+tls://user:password@host:587, consolemail://."""
    try:
        return dict(environ.Env.email_url_config(text(name, default)))
    except (ValueError, KeyError, ImproperlyConfigured):
        raise Misconfigured(
            f"{name} must be a URL such as smtp+tls://user:password@host:587."
        ) from None


def required(name: str, hint: str, demo_keys: Path | None, make: Callable[[], str]) -> str:
    """A secret. In the demo (`demo_keys` is a file) a missing one is made once and kept there."""
    if value := text(name):
        return value
    if demo_keys is None:
        raise Misconfigured(f"{name} is not set. {hint}")
    return _kept(demo_keys, name, make)


def _kept(path: Path, name: str, make: Callable[[], str]) -> str:
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if name not in kept:
        kept[name] = make()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(kept))
        draft.replace(path)
    return kept[name]


def new_secret_key() -> str:
    return secrets.token_urlsafe(50)


def new_encryption_key() -> str:
    return Fernet.generate_key().decode()
