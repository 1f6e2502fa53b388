"""Every reason that our own client writes is known to the pages, and nobody else's is touched."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from templates_app.admin.reasons import reason_in_words

WRITTEN = re.compile(r"""(?:(?:Unreachable|Ambiguous|_give_up)\(|"detail":)\s*f?"([^"]+)\"""")
SOURCES = [*Path(settings.BASE_DIR, "notifier/wechat").glob("*.py")]
SOURCES += [Path(settings.BASE_DIR, "notifier/dispatch/send.py")]


def reasons() -> set[str]:
    found = {text for path in SOURCES for text in WRITTEN.findall(path.read_text())}
    return {re.sub(r"\{[^}]+\}", "502", text) for text in found}


def test_the_reasons_are_found_in_the_source() -> None:
    told = {"no answer in time", "no connection (502)", "no access token (502)", "HTTP 502"}
    assert told <= reasons()
    assert len(reasons()) >= 12


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_a_reason_of_ours_is_told_in_chinese(reason: str) -> None:
    with translation.override("zh-hans"):
        assert re.search("[\u4e00-\u9fff]", reason_in_words(reason))
    with translation.override("en"):
        assert reason_in_words(reason) == reason


def test_a_reason_within_a_reason_is_told_too() -> None:
    with translation.override("zh-hans"):
        assert "token" in reason_in_words("no access token (no connection (gaierror))")
        assert "connection" not in reason_in_words("no access token (no connection (gaierror))")


@pytest.mark.parametrize("text", ["", "invalid appsecret rid: 1", "100% (x)", "system error"])
def test_the_words_of_others_stay(text: str) -> None:
    with translation.override("zh-hans"):
        assert reason_in_words(text) == text
