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


@pytest.mark.parametrize(
    ("body", "pointer", "choices"),
    [
        ({"priority": "high"}, "/priority", "bulk, normal, urgent"),
        ({"template": "x", "to": "y", "priority": ""}, "/priority", "bulk, normal, urgent"),
    ],
)
def test_a_wrong_choice_says_which_there_are(api, body, pointer, choices):
    (error,) = api.post("/api/v1/messages", body, format="json").json()["errors"]
    assert error["pointer"] == pointer
    assert error["detail"].endswith(f"there are {choices}.")


def test_a_wrong_choice_in_a_list_says_which_there_are(api):
    body = {"url": "https://example.com/", "types": ["message.gone"]}
    (error,) = api.post("/api/v1/webhook-endpoints", body, format="json").json()["errors"]
    assert error["pointer"] == "/types/0"
    assert "message.delivered" in error["detail"]


def test_a_parameter_that_events_do_not_have_is_refused(api):
    answer = api.get("/api/v1/events?type=message.sent")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["detail"] == (
        "There is no parameter 'type'; there are after and limit."
    )
