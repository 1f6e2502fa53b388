"""demo.json: how to get into the demo. Kept over starts, readable by its owner alone."""

import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model

from notifier.demo import seed
from notifier.models.keys import find_key
from notifier.simulator.magic import MAGIC


class ForeignLogin(Exception):
    """There is a login of the demo's name that the demo did not make. The text says what to do."""


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write(path: Path, value: Any) -> None:
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    draft.replace(path)


def prepare(home: Path, port: int, simulator_port: int) -> dict[str, Any]:
    """Seeds the database and writes demo.json and the simulator's accounts file."""
    path = home / "demo.json"
    known = read(path)
    password = _password(path, known.get("password"))
    account = seed.seed(password)
    web = f"http://127.0.0.1:{port}"
    demo = {
        "admin_url": f"{web}/admin/",
        "username": seed.USERNAME,
        "password": password,
        "api_url": f"{web}/api/v1",
        "api_key": _usable(known.get("api_key")) or seed.new_api_key(),
        "test_key": _usable(known.get("test_key")) or seed.new_api_key(is_test=True),
        "guide_url": f"{web}/api/guide/",
        "simulator_url": f"http://127.0.0.1:{simulator_port}/",
        "account": account.slug,
        "template": seed.TEMPLATES[0].code,
        "recipients": [*seed.FOLLOWERS, *(f"sim-{magic.name}" for magic in MAGIC.values())],
    }
    write(path, demo)
    callback = f"{web}/wechat/{account.slug}/callback"
    accounts = [seed.simulator_account(account, callback)]
    write(home / "simulator.json", {"accounts": accounts})
    return demo


def _password(path: Path, known: str | None) -> str:
    """Of the demo's login. In a database of its own the demo gives it the known one back; one
    that it does not know, or that another database has, is somebody's."""
    if known and not settings.DATABASE_IS_GIVEN:
        return known
    login = get_user_model().objects.filter(username=seed.USERNAME).first()
    if login is not None and not (known and login.check_password(known)):
        raise ForeignLogin(
            f"The database has a login {seed.USERNAME!r} whose password {path} does not know: it "
            "is not the demo's, and stays as it is. Give the demo another folder: "
            "HONGYAN_HOME=/another/folder make run"
        )
    return known or secrets.token_urlsafe(9)


def _usable(key: str | None) -> str | None:
    """Not one that was revoked, or whose database is gone."""
    return key if key and find_key(key) else None


def curl_line(demo: dict[str, Any]) -> str:
    data = '{"order_no":"20261124001","product":"云南白茶","time":"2026-11-24 10:30"}'
    user = demo["recipients"][0]
    return (
        f"curl {demo['api_url']}/messages -H 'Authorization: Bearer {demo['api_key']}' "
        f"""-d '{{"template":"{demo["template"]}","to":{{"user":"{user}"}},"data":{data}}}'"""
    )
