"""/api/guide/: a page for each task, in English and Chinese, made of the Markdown beside this file.
Their examples are run by `tests/guide`."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe

from notifier.api.guide.markdown import parser, title_of

FOLDER = Path(__file__).parent
PAGES = (
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
)
LANGUAGES = {"en": "en", "zh": "zh-hans"}
"""As they stand in the address -> Django's."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Page:
    name: str
    title: str
    html: SafeString


@cache
def page_of(language: str, name: str) -> Page:
    """It changes with the code alone."""
    text = (FOLDER / language / f"{name}.md").read_text("utf-8")
    markdown = parser()
    tokens = markdown.parse(text)
    html = markdown.renderer.render(tokens, markdown.options, {})
    # The files are ours, and the parser lets no HTML through.
    return Page(name, title_of(tokens), mark_safe(html))  # noqa: S308


def index(request: HttpRequest) -> HttpResponse:
    """To the first page: `?lang=en` or `zh`, else in the browser's language."""
    language = request.GET.get("lang", "")
    if language not in LANGUAGES:
        found = translation.get_language_from_request(request)
        language = "en" if found.startswith("en") else "zh"
    answer = HttpResponseRedirect(reverse("api-guide-page", args=[language, PAGES[0]]))
    answer["Vary"] = "Accept-Language, Cookie"
    return answer


def first(_request: HttpRequest, language: str) -> HttpResponse:
    if language not in LANGUAGES:
        raise Http404
    return HttpResponseRedirect(reverse("api-guide-page", args=[language, PAGES[0]]))


def guide(request: HttpRequest, language: str, name: str) -> HttpResponse:
    """For everybody, as the OpenAPI document."""
    if language not in LANGUAGES or name not in PAGES:
        raise Http404
    place = PAGES.index(name)
    pages = [page_of(language, one) for one in PAGES]
    with translation.override(LANGUAGES[language]):
        response = render(
            request,
            "notifier/guide.html",
            {
                "language": language,
                "lang": LANGUAGES[language],
                "other": next(one for one in LANGUAGES if one != language),
                "page": pages[place],
                "pages": pages,
                "before": pages[place - 1] if place else None,
                "after": pages[place + 1] if place + 1 < len(pages) else None,
            },
        )
    response["Content-Security-Policy"] = POLICY
    return response
