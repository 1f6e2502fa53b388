"""Every page of the admin on a phone: nothing sticks out, and the browser has no complaint."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from tests import builders
from tests.admin.every_page import make_world, pages
from tests.browser.looking import Viewer

pytestmark = pytest.mark.browser

RQ_LISTS = ("/admin/rq/queues/", "/admin/rq/workers/")
"""These call a function that Django's admin no longer has; its fault is django-rq's."""


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_page_fits_a_phone(
    browser: Browser, live_server: LiveServer, client: Client, language: str
) -> None:
    client.force_login(User.objects.create_superuser("anna"))
    world = make_world(builders.make_account())
    viewer = Viewer(browser, live_server.url, language, 390)
    session = {"name": "sessionid", "value": client.cookies["sessionid"].value}
    viewer.context.add_cookies([{**session, "url": live_server.url}])
    for page in pages(world):
        if page.startswith(RQ_LISTS):
            continue
        viewer.open(page)
        viewer.look("page-" + re.sub(r"[0-9a-f-]{36}|\W+", "-", page.removeprefix("/admin/")))
    viewer.context.close()
    assert viewer.faults == []
