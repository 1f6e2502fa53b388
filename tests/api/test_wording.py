"""What errors say: in words, and always as a problem."""

import pytest

from tests.api.conftest import URL, assert_problem


@pytest.mark.parametrize(
    ("wrong", "pointer", "words"),
    [
        ({"url": "javascript:alert(1)"}, "/url", "begins with http:// or https://"),
        ({"template": "a\0"}, "/template", "NUL is not allowed"),
        ({"miniprogram": {"appid": "wx1", "pagepath": "a b"}}, "/miniprogram/pagepath", "Spaces"),
    ],
)
def test_what_is_wrong_is_said_in_words(post, body, wrong, pointer, words):
    """Not as a regular expression."""
    answer = post(body | wrong)
    assert_problem(answer, 422, pointer, "invalid_value")
    assert words in answer.json()["detail"]
    assert "regex" not in answer.json()["detail"]


def test_a_host_that_is_not_ours_is_a_problem_as_any_other(api, body):
    answer = api.post(URL, body, format="json", headers={"Host": "evil.example.com"})
    assert_problem(answer, 400)
