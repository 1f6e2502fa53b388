"""The link and the mini program page of a template: filled and checked. Pure; for rendering."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from templates_app.fields import Problem
from templates_app.patterns import Pattern, TemplateSpec, parse_pattern

Target = tuple[str, tuple[str, str] | None]


def N_(text: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a text for the message catalogue."""
    return text


MAX_URL_BYTES = 1024  # the real limit behind 40039 is documented nowhere
URL, PAGEPATH = "url", "miniprogram_pagepath"

_NOT_IN_LINKS = r"\s\x00-\x1f\x7f\ud800-\udfff"
_SHAPES = {
    URL: (
        re.compile(f"https?://[^{_NOT_IN_LINKS}]+"),
        Problem("wrong_url", N_("A link starts with http:// or https:// and has no spaces.")),
    ),
    PAGEPATH: (
        re.compile(f"[^{_NOT_IN_LINKS}]+"),
        Problem("wrong_pagepath", N_("The page path of a mini program has no spaces.")),
    ),
}
_TOO_LONG = N_("The link has %(length)s bytes; at most %(limit)s are allowed.")


def parse_links(spec: TemplateSpec) -> tuple[Pattern, ...]:
    """Return the patterns of the links that a template has."""
    path = spec.miniprogram_pagepath if spec.miniprogram_appid else ""
    texts = {URL: spec.url.strip(), PAGEPATH: path.strip()}
    return tuple(parse_pattern(key, text) for key, text in texts.items() if text)


def targets(spec: TemplateSpec, links: Mapping[str, str]) -> Target:
    """Return where a tap on the card leads: the URL, and the (appid, page path) or None."""
    appid = spec.miniprogram_appid
    program = (appid, links.get(PAGEPATH, "")) if appid else None
    return links.get(URL, ""), program


def fill_link(link: Pattern, texts: Mapping[str, str]) -> tuple[str, Problem | None]:
    """Fill a link; variables are percent-encoded unless one variable is the whole link."""
    if link.format != "%s":
        texts = {name: quote(texts[name], safe="", errors="replace") for name in link.names}
    text = link.fill(texts)
    return text, _problem(link.key, text)


def _problem(key: str, text: str) -> Problem | None:
    shape, wrong = _SHAPES[key]
    if not text:
        return None
    if not shape.fullmatch(text):
        return wrong
    length = len(text.encode())
    if length > MAX_URL_BYTES:
        return Problem("url_too_long", _TOO_LONG, {"length": length, "limit": MAX_URL_BYTES})
    return None
