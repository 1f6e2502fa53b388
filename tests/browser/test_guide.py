"""The API's guide in both languages, on a desk and on a phone: nothing sticks out, nothing is
fetched from elsewhere, nobody complains, and axe finds nothing serious."""

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from notifier.api.guide.pages import LANGUAGES, PAGES
from tests.browser.looking import Viewer
from tests.browser.test_pages import DESK, PHONE, axe

pytestmark = pytest.mark.browser
LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
"""Of ReDoc's makers, by their script; our Content-Security-Policy refuses it before it is asked
for."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_the_guide_is_fit_to_be_seen(
    browser: Browser, live_server: LiveServer, language: str
) -> None:
    viewer = Viewer(browser, live_server.url, language, DESK)
    foreign: list[str] = []
    viewer.page.on("request", lambda one: foreign.append(one.url))
    for name in PAGES:
        viewer.open(f"/api/guide/{language}/{name}/")
        for width in (DESK, PHONE):
            viewer.resize(width)
            viewer.look(f"guide-{name}")
            viewer.faults += axe(viewer)
    viewer.page.get_by_text({"en": "All pages", "zh": "全部页面"}[language]).click()
    viewer.press(f"details a[href='/api/guide/{language}/errors/']")
    viewer.page.wait_for_url(f"**/{language}/errors/")
    viewer.press("a[rel=next]")
    viewer.page.wait_for_url(f"**/{language}/gateway/")
    viewer.press("header a[lang]")
    viewer.page.wait_for_url("**/gateway/")
    assert f"/{language}/" not in viewer.page.url
    viewer.context.close()
    assert [url for url in foreign if not url.startswith(live_server.url)] == []
    assert viewer.faults == []


@pytest.mark.parametrize(
    ("name", "read"), [("docs", "Send a message"), ("redoc", "Send a message")]
)
def test_the_reference_is_drawn_from_here(
    browser: Browser, live_server: LiveServer, name: str, read: str
) -> None:
    """Swagger UI's and ReDoc's own pages, in English, whatever the browser's language."""
    viewer = Viewer(browser, live_server.url, "zh-CN", DESK)
    told: list[str] = []
    viewer.page.on("response", lambda one: told.append(one.url))
    viewer.open(f"/api/{name}/")
    for width in (DESK, PHONE):
        viewer.resize(width)
        viewer.read(read)
        viewer.look(f"reference-{name}")
    viewer.context.close()
    assert [url for url in told if not url.startswith((live_server.url, "data:", "blob:"))] == []
    assert [one for one in viewer.faults if LOGO not in one] == []
