"""Books of pages in English and Chinese, made of the Markdown beside this file: the guide to the
API, whose examples `tests/guide` runs, and the runbooks, a page for each alert of
`config/prometheus/alerts.yml`. For everybody, as the OpenAPI document: who is woken at night has no
login at hand, and nothing in them is a secret."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from notifier.books.markdown import parser, title_of

LANGUAGES = {"en": "en", "zh": "zh-hans"}
"""As they stand in the address -> Django's."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Book:
    folder: str
    """Beside this file; `en/<page>.md` and `zh/<page>.md` in it."""
    address: str
    """The name of its address; those of its pages begin with it."""
    title: Promise
    pages: tuple[str, ...]

    def file(self, language: str, name: str) -> Path:
        return Path(__file__).parent / self.folder / language / f"{name}.md"

    def link(self, language: str, name: str) -> str:
        return reverse(f"{self.address}-page", args=[language, name])


GUIDE = Book(
    "guide",
    "api-guide",
    _("Hongyan API guide"),
    (
        "quick-start",
        "sending",
        "many",
        "reading",
        "webhooks",
        "recipients",
        "templates",
        "schedules",
        "campaigns",
        "keys",
        "errors",
        "gateway",
        "versions",
    ),
)
RUNBOOKS = Book(
    "runbooks",
    "runbooks",
    _("Hongyan runbooks"),
    (
        "start",
        "target-down",
        "section-silent",
        "account-stopped",
        "token-old",
        "no-worker",
        "worker-silent",
        "lease-recoveries",
        "clock-silent",
        "clock-work-fails",
        "jobs-failed",
        "urgent-waits",
        "normal-waits",
        "bulk-waits",
        "quota-ends-early",
        "quota-used-up",
        "anomaly",
        "template-held",
        "template-refused",
        "sends-slow",
        "wechat-slow",
        "network-slow",
        "connections-not-kept",
        "pool-wait",
        "receipts-missing",
        "receipts-late",
        "webhooks-fail",
        "webhooks-late",
        "api-errors",
        "api-slow",
    ),
)


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    link: str
    title: str
    html: SafeString


@cache
def page_of(book: Book, language: str, name: str) -> Page:
    """It changes with the code alone."""
    markdown = parser()
    tokens = markdown.parse(book.file(language, name).read_text("utf-8"))
    html = markdown.renderer.render(tokens, markdown.options, {})
    # The files are ours, and the parser lets no HTML through.
    return Page(name, book.link(language, name), title_of(tokens), mark_safe(html))  # noqa: S308


def addresses(book: Book) -> list[URLPattern]:
    given, name = {"book": book}, book.address
    return [
        path("", index, given, name=name),
        path("<slug:language>/", first, given, name=f"{name}-first"),
        path("<slug:language>/<slug:name>/", read, given, name=f"{name}-page"),
    ]


def index(request: HttpRequest, book: Book) -> HttpResponse:
    """To the first page: `?lang=en` or `zh`, else in the browser's language."""
    language = request.GET.get("lang", "")
    if language not in LANGUAGES:
        found = translation.get_language_from_request(request)
        language = "en" if found.startswith("en") else "zh"
    answer = HttpResponseRedirect(book.link(language, book.pages[0]))
    answer["Vary"] = "Accept-Language, Cookie"
    return answer


def first(_request: HttpRequest, book: Book, language: str) -> HttpResponse:
    if language not in LANGUAGES:
        raise Http404
    return HttpResponseRedirect(book.link(language, book.pages[0]))


def read(request: HttpRequest, book: Book, language: str, name: str) -> HttpResponse:
    if language not in LANGUAGES or name not in book.pages:
        raise Http404
    place = book.pages.index(name)
    pages = [page_of(book, language, one) for one in book.pages]
    other = next(one for one in LANGUAGES if one != language)
    with translation.override(LANGUAGES[language]):
        response = render(
            request,
            "notifier/book.html",
            {
                "book": book,
                "lang": LANGUAGES[language],
                "other": {"lang": LANGUAGES[other], "link": book.link(other, name)},
                "page": pages[place],
                "pages": pages,
                "before": pages[place - 1] if place else None,
                "after": pages[place + 1] if place + 1 < len(pages) else None,
            },
        )
    response["Content-Security-Policy"] = POLICY
    return response
