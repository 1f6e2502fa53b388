"""Every example of the guide and of README is run, and answers as it is written."""

from pathlib import Path

import pytest

from notifier.books.book import GUIDE, LANGUAGES
from tests.guide.examples import ANSWERS, RUN, blocks_of, differs, follow

README = Path(__file__).parents[2] / "README.md"
NOT_RUN = {
    ("README", "console"): 2,  # make run, make test; a restored database
    ("webhooks", "event"): 1,  # of an anomaly
    ("README", "text"): 1,  # the way of a message
    ("quick-start", "console"): 1,  # pip install
    ("campaigns", "states"): 1,
    ("gateway", "php"): 1,
    ("versions", "http"): 1,
}
"""(page, language) -> blocks of it that no test runs; each has a reason."""


def path_of(page: str, language: str = "en") -> Path:
    return README if page == "README" else GUIDE.file(language, page)


def test_the_examples_do_what_the_pages_say(reader):
    """Read from the first page to the last: the processes start once."""
    pages = [*GUIDE.pages, "README"]
    assert [fault for page in pages for fault in faults_of(page, reader(page))] == []


def faults_of(page, one):
    if page not in ("quick-start", "README"):
        one.do(preamble())
    blocks = [block for block in blocks_of(path_of(page)) if (page, block.language) not in NOT_RUN]
    return [f"{page}, {fault}" for fault in follow(one, blocks)]


def preamble():
    """The lines that the Python examples of other pages begin with."""
    blocks = blocks_of(path_of("quick-start"))
    return next(one for one in blocks if one.code.startswith("import os\n\nimport requests"))


def test_no_block_is_left_out():
    found = {}
    for page in [*GUIDE.pages, "README"]:
        for block in blocks_of(path_of(page)):
            if (page, block.language) in NOT_RUN or block.language not in RUN | ANSWERS:
                found[page, block.language] = found.get((page, block.language), 0) + 1
    assert found == NOT_RUN


@pytest.mark.parametrize("page", GUIDE.pages)
def test_both_languages_have_the_same_code(page):
    english, chinese = (
        [(one.language, one.file, one.code) for one in blocks_of(path_of(page, language))]
        for language in LANGUAGES
    )
    assert english == chinese


@pytest.mark.parametrize(
    ("told", "found", "wrong"),
    [
        ({"id": "a", "status": "sent"}, {"id": "b", "status": "sent"}, False),
        ({"id": "a"}, {"id": None}, True),
        ({"status": "sent"}, {"status": "queued"}, True),
        ({"status": "sent"}, {"status": "sent", "more": 1}, True),
        ([{"a": 1}], [{"a": 1}, {"b": 2}], False),
        ([{"a": 1}], [], True),
        ([], [1], True),
    ],
)
def test_answers_are_compared(told, found, wrong):
    assert bool(differs(told, found, "")) is wrong
