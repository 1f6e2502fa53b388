"""Every page of the admin in both languages, on a desk and on a phone: nothing sticks out, nobody
complains, nothing is fetched from elsewhere, all of it speaks the reader's language, and axe finds
nothing serious. The photographs lie in test-results/."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Error, Request
from pytest_django.live_server_helper import LiveServer

from tests.browser.every_look import Look, looks
from tests.browser.lived_in import data, lived_in
from tests.browser.looking import Viewer
from tests.browser.wording import foreign_words

pytestmark = pytest.mark.browser

DESK, PHONE = 1440, 390
LANGUAGES = {"zh-CN": "zh-hans", "en": "en"}
SERIOUS = ("serious", "critical")
NOT_OURS: dict[str, str] = {}
"""Rule -> why the theme's breach of it stands."""


class Walker(Viewer):
    """Looks at each page and writes down what is wrong with it."""

    def __init__(self, browser: Browser, site: LiveServer, language: str, user: User) -> None:
        super().__init__(browser, site.url, language, DESK)
        client = Client()
        client.force_login(user)
        session = {"name": "sessionid", "value": client.cookies["sessionid"].value}
        self.context.add_cookies([{**session, "url": site.url}])
        self.page.on("request", self._ask)
        self.entered = data()

    def _ask(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.faults.append(f"asks {request.url}")

    def go(self, look: Look) -> list[str]:
        self.faults.clear()
        self.resize(DESK)
        answer = self.page.goto(f"{self.address}{look.address}")
        assert answer is not None
        if answer.status != look.status:
            self.faults.append(f"answers {answer.status}")
        try:
            if look.prepare:
                look.prepare(self)
        except Error as error:
            self.faults.append(f"cannot be prepared: {error.message}")
        if look.status != 200:  # Chromium complains of each such answer
            self.faults = [one for one in self.faults if f"status of {look.status}" not in one]
        self.faults += self._said()
        for width in (DESK, PHONE):
            self.resize(width)
            self.look(look.name)
            if (width == DESK) == (self.language == "en"):
                self.faults += axe(self)
        return [f"{look.name}: {fault}" for fault in dict.fromkeys(self.faults)]

    def settle(self) -> None:
        """Nothing is fetched after a page has loaded but its fonts; waiting for a silence of half a
        second would take longer than all the rest."""
        self.page.evaluate("document.fonts.ready.then(() => true)")

    def _said(self) -> Iterator[str]:
        if (found := self.page.locator("html").get_attribute("lang")) != LANGUAGES[self.language]:
            yield f"lang={found}"
        if not self.page.title().strip(" |\n"):
            yield "no title"
        yield from (f"foreign: {text}" for text in foreign_words(self, self.entered))


def axe(viewer: Viewer) -> Iterator[str]:
    for found in Axe().run(viewer.page).response["violations"]:
        if found["impact"] in SERIOUS and found["id"] not in NOT_OURS:
            for node in found["nodes"]:
                why = " ".join(node["failureSummary"].split())
                yield f"axe {found['id']} ({viewer.width}): {node['html'][:200]} {why[:300]}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_fit_to_be_seen(
    browser: Browser, live_server: LiveServer, settings: Any, language: str
) -> None:
    world = lived_in()
    settings.TEMPLATE_REVIEW = True
    walker = Walker(browser, live_server, language, User.objects.create_superuser("wang.fang"))
    wrong = [fault for look in looks(world) for fault in walker.go(look)]
    walker.context.clear_cookies()
    wrong += walker.go(Look("login", "/admin/login/"))
    walker.context.close()
    assert not wrong, "\n".join(wrong)
