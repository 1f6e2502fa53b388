"""A login with a second factor: set up because the role needs it, asked for the next time."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from tests.access.conftest import PASSWORD, code_of, make_user, typed
from tests.browser.looking import Viewer

pytestmark = pytest.mark.browser

WORDS = {
    "zh-CN": {"needed": "您的角色要求两步验证", "wrong": "验证码不正确", "wait": "失败次数过多"},
    "en": {
        "needed": "Your role needs a second factor",
        "wrong": "This code is not right",
        "wait": "Too many failed attempts",
    },
}


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 390), ("en", 1440)])
def test_a_role_sets_up_its_second_factor_and_gives_it(
    browser: Browser, live_server: LiveServer, settings: Any, language: str, width: int
) -> None:
    settings.SECOND_FACTOR_ROLES = ["sender"]
    user = make_user("sender")
    viewer = Viewer(browser, live_server.url, language, width)
    words = WORDS[language]
    log_in(viewer, user)
    viewer.read(words["needed"])
    viewer.page.locator("summary").click()
    key = typed(viewer.page.locator("details code").inner_text())
    viewer.look("factor-set-up")
    viewer.fill(code="0")
    viewer.press("button.hy-button")
    viewer.read(words["wrong"])
    viewer.fill(code=code_of(key))
    viewer.press("button.hy-button")
    codes = viewer.page.locator(".hy-codes code")
    expect(codes).to_have_count(10)
    recovery = codes.first.inner_text()
    viewer.look("factor-codes")
    viewer.press("a.hy-button")
    viewer.page.wait_for_url("**/admin/")
    viewer.context.clear_cookies()
    log_in(viewer, user)
    viewer.open("/admin/notifier/message/")
    viewer.look("factor-asked")
    viewer.fill(code=recovery)
    viewer.press("button.hy-button")
    viewer.page.wait_for_url("**/admin/notifier/message/")
    viewer.context.close()
    assert viewer.faults == []


def log_in(viewer: Viewer, user: User, password: str = PASSWORD) -> None:
    viewer.open("/admin/login/")
    viewer.fill(username=user.username, password=password)
    viewer.press('button[type="submit"]')
    viewer.page.wait_for_load_state("networkidle")


def test_who_fails_too_often_is_told_how_long_to_wait(
    browser: Browser, live_server: LiveServer
) -> None:
    user = make_user("sender")
    viewer = Viewer(browser, live_server.url, "zh-CN", 390)
    for _ in range(6):
        log_in(viewer, user, "wrong")
    viewer.read(WORDS["zh-CN"]["wait"])
    viewer.look("login-waits")
    viewer.context.close()
    assert viewer.faults == []
