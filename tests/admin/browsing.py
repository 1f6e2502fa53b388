"""Reads the admin's pages as a browser does: what stands in a form, what a person sees."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

Values = dict[str, Any]
UNSEEN = ("script", "style", "template", "head")


class _Form(HTMLParser):
    """The names and values that the form with the id would send."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id, self.inside = form_id, False
        self.values: Values = {}
        self._select = self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = given.get("id") == self.form_id
        elif not self.inside:
            return
        elif tag == "input":
            self._input(given)
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and "selected" in given:
            self.values[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._text = given.get("name", "")
            self.values[self._text] = ""

    def _input(self, given: dict[str, str]) -> None:
        kind, name = given.get("type", "text"), given.get("name", "")
        if not name or kind in ("submit", "button", "file"):
            return
        if kind not in ("checkbox", "radio") or "checked" in given:
            self.values[name] = given.get("value", "on" if kind == "checkbox" else "")

    def handle_data(self, data: str) -> None:
        if self._text:
            self.values[self._text] += data.removeprefix("\n").removeprefix("\r\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._text = ""


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._skipped: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self._skipped.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and self._skipped[-1] == tag:
            self._skipped.pop()

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.parts.append(data)


def html(response: HttpResponse) -> str:
    return response.content.decode()


def text(response: HttpResponse) -> str:
    """What a person reads, with single spaces."""
    reader = _Text()
    reader.feed(html(response))
    return re.sub(r"\s+", " ", " ".join(reader.parts))


def form(response: HttpResponse, form_id: str) -> Values:
    assert response.status_code == 200, response.status_code
    reader = _Form(form_id)
    reader.feed(html(response))
    assert reader.values, f"no form {form_id}"
    return reader.values


def faults(response: HttpResponse) -> dict[str, str]:
    """What the page says beside each input that is wrong; an inline's is named by its prefix."""
    shown = [response.context["adminform"].form] if "adminform" in response.context else []
    for inline in response.context.get("inline_admin_formsets", []):
        shown += inline.formset.forms
    return {
        one.add_prefix(name) if name in one.fields else name: " ".join(errors)
        for one in shown
        for name, errors in one.errors.items()
    }


def address(model: str, view: str, *args: object) -> str:
    return reverse(f"admin:{model}_{view}", args=args)


def submit(client: Client, where: str, form_id: str, /, **changes: Any) -> HttpResponse:
    """Opens the page, changes what is given in its form, sends it, follows the redirect."""
    values = form(client.get(where), form_id) | changes
    return client.post(where, values, follow=True)


def confirm(client: Client, where: str) -> HttpResponse:
    """An action's dialog: opened, confirmed, and the page that it leads to."""
    dialog = client.get(where)
    assert dialog.status_code == 200
    assert 'id="dialog"' in html(dialog), text(dialog)
    answer = client.post(where, {"_form_submitted": "True"})
    assert answer.status_code == 200
    assert "HX-Redirect" in answer.headers, text(answer)
    return client.get(answer.headers["HX-Redirect"])


def lands_on(response: HttpResponse) -> str:
    """The path that a followed redirect ended at."""
    redirects = getattr(response, "redirect_chain", [])
    assert redirects, text(response)
    return urlsplit(redirects[-1][0]).path


def links(page: HttpResponse, rel: str) -> list[str]:
    return re.findall(f'rel="{rel}" href="([^"]+)"', html(page))


def follow(client: Client, where: str, page: HttpResponse, rel: str) -> HttpResponse:
    """The older ("next") or newer ("prev") page of a list."""
    (query,) = links(page, rel)
    return client.get(where + unescape(query))
