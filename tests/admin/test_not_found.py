"""What is not there, for people."""

import pytest
from django.test import Client

from tests.admin.browsing import text


@pytest.mark.parametrize(
    ("language", "word"),
    [("en", "There is nothing at this address"), ("zh-hans", "此地址没有内容")],
)
def test_it_is_told_in_the_readers_language(root: Client, language: str, word: str) -> None:
    answer = root.get("/admin/nothing/at/all/", headers={"accept-language": language})
    assert answer.status_code == 404
    assert word in text(answer)
    assert 'href="/admin/"' in answer.content.decode()
