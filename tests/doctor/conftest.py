"""An account with which all is well, and what the doctor says of it."""

import json
import socket
from collections.abc import Callable
from datetime import timedelta

import pytest

from notifier.doctor.examination import Examination, examine
from templates_app.models import OfficialAccount
from templates_app.wechat import new_client
from tests import builders
from tests.conftest import Platform
from tests.receipts.pushes import event, push
from tests.wechat.servers import Behaviour, answering

CALLBACK = "http://127.0.0.1:1/callback"
Verdicts = dict[str, str]


@pytest.fixture
def healthy(platform: Platform) -> Platform:
    """It has a token, a callback that WeChat reaches, and a push has come."""
    platform.configure(callback_url=CALLBACK, **OFF)
    new_client(platform.account).templates()
    assert push(platform.account, event("subscribe", builders.openid())).status_code == 200
    return platform


OFF = {
    "ip_not_whitelisted": "",
    "api_unauthorized": False,
    "callback_unreachable": False,
    "send_quota": 100_000,
}


def seen(account: OfficialAccount, later: timedelta = timedelta()) -> Examination:
    return examine(account, builders.now() + later)


def verdicts(account: OfficialAccount, later: timedelta = timedelta()) -> Verdicts:
    """Those that are not ok."""
    return {
        one.name: one.result.verdict.value
        for one in seen(account, later).checks
        if one.result.verdict != "ok"
    }


def telling(**told: object) -> Behaviour:
    """A WeChat that answers every call so, and refuses what has no token."""
    known = json.dumps({"errcode": 0, "access_token": "x", "expires_in": 7200} | told)
    nobody = json.dumps({"errcode": 41001, "errmsg": "access_token missing"})

    def behave(connection: socket.socket, request: bytes) -> None:
        is_known = b"access_token=" in request or b"/stable_token" in request
        answering(known if is_known else nobody)(connection, request)

    return behave


Fault = Callable[[Platform], None]
