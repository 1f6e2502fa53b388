"""An account with which all is well, and what the doctor says of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from notifier.doctor.examination import Examination, examine
from templates_app.models import OfficialAccount
from templates_app.wechat import new_client
from tests import builders
from tests.conftest import Platform
from tests.receipts.pushes import event, push

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


Fault = Callable[[Platform], None]
