"""What browsers are told, and that our pages keep to it."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests.access.conftest import log_in, make_user

SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.IGNORECASE)
HANDLER = re.compile(r"""<[^>]*\son[a-z]+\s*=\s*["']|href\s*=\s*["']javascript:""", re.IGNORECASE)


@pytest.mark.parametrize("page", ["/admin/login/", "/admin/", "/admin/nothing/"])
def test_pages_say_what_a_browser_may_do_with_them(db: None, page: str) -> None:
    headers = log_in(make_user(is_superuser=True)).get(page).headers
    rules = headers["Content-Security-Policy"].split("; ")
    policy = dict(rule.split(" ", 1) for rule in rules)
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self' 'unsafe-eval'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("address", ["/wechat/nobody/callback", "/healthz"])
def test_programs_are_not_told(db: None, address: str) -> None:
    answer = Client().get(address)
    assert "Content-Security-Policy" not in answer.headers


def test_no_page_of_ours_has_a_script_within() -> None:
    """The policy would not run it: static/hongyan/admin.js is the place."""
    folders = [settings.BASE_DIR / "notifier/templates", settings.BASE_DIR / "templates_app"]
    pages = [page for folder in folders for page in Path(folder).rglob("*.html")]
    assert pages
    found = [(page, one) for page in pages for one in (SCRIPT, HANDLER)]
    assert [page for page, one in found if one.search(page.read_text())] == []
