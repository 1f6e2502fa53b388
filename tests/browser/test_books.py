"""Guide and runbooks in both languages, on a desk and on a phone: nothing sticks out, nothing is
fetched from elsewhere, nobody complains, and axe finds nothing serious."""

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from notifier.books.book import GUIDE, LANGUAGES, RUNBOOKS, Book
from tests.browser.looking import Viewer
from tests.browser.test_pages import DESK, PHONE, axe

pytestmark = pytest.mark.browser
LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg"
"""Of ReDoc's makers, by their script; our Content-Security-Policy refuses it before it is asked
for."""
WAYS = {"api-guide": ("errors", "gateway"), "runbooks": ("account-stopped", "token-old")}
"""A page, and the next."""


@pytest.mark.parametrize("book", [GUIDE, RUNBOOKS], ids=lambda one: one.folder)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_a_book_is_fit_to_be_seen(
    browser: Browser, live_server: LiveServer, language: str, book: Book
) -> None:
    viewer = Viewer(browser, live_server.url, language, DESK)
    foreign: list[str] = []
    viewer.page.on("request", lambda one: foreign.append(one.url))
    for name in book.pages:
        viewer.open(book.link(language, name))
        for width in (DESK, PHONE):
            viewer.resize(width)
            viewer.look(f"{book.folder}-{name}")
            viewer.faults += axe(viewer)
    first, then = WAYS[book.address]
    viewer.page.get_by_text({"en": "All pages", "zh": "全部页面"}[language]).click()
    viewer.press(f"details a[href='{book.link(language, first)}']")
    viewer.page.wait_for_url(f"**/{language}/{first}/")
    viewer.press("a[rel=next]")
    viewer.page.wait_for_url(f"**/{language}/{then}/")
    viewer.press("header a[lang]")
    viewer.page.wait_for_url(f"**/{then}/")
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
