"""The books as somebody reads them: both languages, their links, and that the guide leaves nothing
out."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from notifier.api.contract.pages import document
from notifier.api.urls import urlpatterns
from notifier.books.book import GUIDE, LANGUAGES, RUNBOOKS, Book
from notifier.books.markdown import parser
from notifier.models import Scope
from notifier.models.sandbox import SANDBOX

ROOT = Path(__file__).parents[2]
ROW = re.compile(
    r"^\| `(GET|POST|PUT|PATCH|DELETE) (/(?!gateway)\S+)` \| (`[^|]+`) \|", re.MULTILINE
)
SCOPE = re.compile(r"`(\w+)`")


def page(language: str, name: str) -> str:
    return GUIDE.file(language, name).read_text("utf-8")


def address(language: str, name: str) -> str:
    return GUIDE.link(language, name)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("book", "name"), [(book, name) for book in (GUIDE, RUNBOOKS) for name in book.pages]
)
def test_a_page_is_shown_with_its_links(
    client: Client, language: str, book: Book, name: str
) -> None:
    here = book.link(language, name)
    answer = client.get(here)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert f'<html lang="{LANGUAGES[language]}">' in text
    assert "script" not in answer["Content-Security-Policy"]
    assert "<script" not in text
    assert 'aria-current="page"' in text
    for href in re.findall(r'<a [^>]*href="([^"]+)"', text):
        if href.startswith(("../", "/api/guide/", "/runbooks/")):
            to = re.sub(r"[^/]+/\.\./", "", here + href) if href[0] == "." else href
            assert client.get(to.partition("#")[0]).status_code == 200, href


@pytest.mark.parametrize("book", [GUIDE, RUNBOOKS], ids=lambda one: one.folder)
def test_a_page_leads_to_its_other_language(client: Client, book: Book) -> None:
    for name in book.pages:
        text = client.get(book.link("en", name)).content.decode()
        assert f'<a href="{book.link("zh", name)}" lang="zh-hans">中文</a>' in text


@pytest.mark.parametrize(
    ("asked", "headers", "language"),
    [
        ("", {"Accept-Language": "en-US,en;q=0.9"}, "en"),
        ("", {"Accept-Language": "zh-CN"}, "zh"),
        ("?lang=zh", {"Accept-Language": "en"}, "zh"),
        ("?lang=en", {"Accept-Language": "zh-CN"}, "en"),
        ("?lang=xx", {"Accept-Language": "en"}, "en"),
    ],
)
def test_the_guide_opens_in_the_readers_language(
    client: Client, asked: str, headers: dict[str, str], language: str
) -> None:
    answer = client.get(f"/api/guide/{asked}", headers=headers)
    assert answer["Location"] == address(language, "quick-start")


@pytest.mark.parametrize("wrong", ["fr/sending/", "en/nothing/", "fr/", "en/sending.md/"])
def test_what_is_not_there_is_not_found(client: Client, wrong: str) -> None:
    assert client.get(f"/api/guide/{wrong}").status_code == 404


def test_a_language_alone_opens_its_first_page(client: Client) -> None:
    assert client.get("/api/guide/zh/")["Location"] == address("zh", "quick-start")
    assert client.get("/runbooks/zh/")["Location"] == "/runbooks/zh/start/"
    assert client.get("/runbooks/?lang=en")["Location"] == "/runbooks/en/start/"


def test_html_in_a_page_stays_text() -> None:
    html = parser().render("<script>x</script>\n\n```sh <b>\n<i>\n```\n\n[a](javascript:alert)")
    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "href" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_endpoint_stands_in_a_table_with_its_scope(language: str) -> None:
    told = {
        (method, re.sub(r"{\w+}", "{}", path), tuple(SCOPE.findall(scopes)))
        for name in GUIDE.pages
        for method, path, scopes in ROW.findall(page(language, name))
    }
    assert told == set(endpoints())


def endpoints() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    names = {pattern.name for pattern in urlpatterns}
    found = set()
    for path, operations in json.loads(document())["paths"].items():
        for method, operation in operations.items():
            found.add(operation["operationId"].removesuffix(f"-{method}"))
            scopes = SCOPE.findall(operation["description"].rpartition("Scope: ")[2])
            short = re.sub(r"{\w+}", "{}", path.removeprefix("/api/v1"))
            yield method.upper(), short, tuple(scopes)
    assert found == names


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_scope_and_every_fate_of_the_sandbox_is_told(language: str) -> None:
    keys = page(language, "keys")
    assert set(re.findall(r"^\| `(\w+)` \|", keys, re.MULTILINE)) >= set(Scope.values)
    assert set(re.findall(r"^\| `(sandbox-[\w-]+)` \|", keys, re.MULTILINE)) == SANDBOX.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_type_of_problem_stands_in_the_errors_page(language: str) -> None:
    section = re.split(r"^## ", page(language, "errors"), flags=re.MULTILINE)[1]
    told = dict(re.findall(r"^\| `([a-z-]+)` \| ([\d, ]+) \|", section, re.MULTILINE))
    known = dict(problems())
    assert told.keys() == known.keys() | {"method-not-allowed"}  # which DRF raises
    for kind, statuses in known.items():
        assert statuses <= set(map(int, told[kind].split(","))), kind


def problems() -> Iterator[tuple[str, set[int]]]:
    """`type` -> the statuses that stand in the code."""
    found: dict[str, set[int]] = {}
    for call in calls("notifier/api", "problem"):
        status, kind = call.args[:2]
        if isinstance(kind, ast.Constant):
            statuses = found.setdefault(str(kind.value), set())
            statuses |= {int(status.value)} if isinstance(status, ast.Constant) else set()
    yield from found.items()


def calls(folder: str, *names: str) -> Iterator[ast.Call]:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
                yield node


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_stands_in_the_errors_page(language: str) -> None:
    sections = re.split(r"^## ", page(language, "errors"), flags=re.MULTILINE)[2:]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", "".join(sections), re.MULTILINE)
    told = set(re.findall(r"`(\w+)`", " ".join(rows))) - {"code"}
    assert told == codes()


def codes() -> set[str]:
    """Of faults: where one is made, its code is the second argument, or the first of a problem
    with a value."""
    found = {"recipient_unfollowed", "recipient_refused", "recipient_blacklisted"}
    found |= {"recipient_erased", "recipient_sandbox"}  # recipient_<state>
    found |= {"missing_variable", "wrong_type", "missing_field", "unknown_field"}  # in variables
    found |= {"invalid_parameter", "unknown_filter", "unknown_audience"}  # as defaults, and third
    found |= {"no_url", "has_credentials", "has_fragment", "forbidden", "not_https"}  # of the guard
    for folder in ("notifier/api", "notifier/intake", "notifier/campaigns"):
        found |= constants(calls(folder, "Fault"), 1)
    return found | constants(calls("templates_app", "Problem"), 0)


def constants(made: Iterator[ast.Call], place: int) -> set[str]:
    arguments = (call.args[place] for call in made if len(call.args) > place)
    return {str(one.value) for one in arguments if isinstance(one, ast.Constant)}
