"""Any bytes at the address that accepts messages: an answer, never a server error."""

import json

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from notifier.models import Message
from tests.api.conftest import URL
from tests.builders import DATA

TEXT = st.text(st.characters(codec=None), max_size=30)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.datetimes().map(str)
ANY = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TIME = st.datetimes().flatmap(
    lambda time: st.sampled_from(["Z", "", "+14:00", "-23:59"]).map(lambda z: time.isoformat() + z)
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "template": ANY,
        "to": ANY | st.fixed_dictionaries({}, optional={"openid": ANY, "user": ANY}),
        "data": ANY | st.fixed_dictionaries(dict.fromkeys(DATA, ANY)),
        "url": ANY | TEXT.map("https://example.com/".__add__),
        "miniprogram": ANY | st.fixed_dictionaries({"appid": TEXT, "pagepath": TEXT}),
        "priority": ANY | st.just("bulk"),
        "send_at": ANY | TIME,
        "expires_at": ANY | TIME,
        "metadata": ANY | st.dictionaries(TEXT, ANY, max_size=4),
        "more": ANY,
    },
)
EXAMPLES = 150
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def numbers_alike(value):
    """PostgreSQL gives 1e300 back as the whole number that it is."""
    return json.loads(json.dumps(value), parse_int=float)


@fuzz
@given(raw=st.binary(max_size=200), key=st.none() | st.text(st.characters(max_codepoint=255)))
def test_any_bytes_are_answered(post, raw, key):
    answer = post(raw, **({} if key is None else {"Idempotency_Key": key}))
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"


@fuzz
@given(change=CHANGES)
@example({"metadata": {"a": 1e300, "b": 10**30, "c": float("inf")}})
@example({"metadata": {"\0": "\0", "\ud800": 1}})
def test_any_json_is_answered_and_can_be_read_back(post, api, body, change):
    answer = post(json.dumps(body | change).encode())
    assert 200 <= answer.status_code < 500, answer.content
    if answer.status_code == 202:
        shown = api.get(f"{URL}/{answer.json()['id']}")
        assert shown.status_code == 200
        assert numbers_alike(shown.json()["metadata"]) == numbers_alike(change.get("metadata", {}))
    else:
        assert answer["Content-Type"] == "application/problem+json"


@fuzz
@given(change=CHANGES)
def test_a_refused_request_leaves_no_row(post, body, change):
    before = Message.objects.count()
    accepted = post(json.dumps(body | change).encode()).status_code == 202
    assert Message.objects.count() == before + accepted
