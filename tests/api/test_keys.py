"""What a key may do: every scope against every endpoint, what it reaches, from where, how much."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from notifier.access import rates
from notifier.access.keys import in_any
from notifier.api.urls import urlpatterns
from notifier.dispatch import lanes
from notifier.models import ApiKey, Message, Priority, Scope
from notifier.models.keys import memory
from templates_app.models import MessageTemplate
from tests import builders
from tests.api.conftest import URL, assert_problem

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NOBODY = "0" * 32


def caller(service, **values):
    return APIClient(
        HTTP_AUTHORIZATION=f"Bearer {service.make_key(**values)}", raise_request_exception=False
    )


def endpoints() -> Iterator[tuple[str, str, str]]:
    """(method, address, the scopes of which it needs one) of everything that can be called."""
    for pattern in urlpatterns:
        view = pattern.callback.view_class
        converters = pattern.pattern.converters
        values = {
            name: NOBODY if type(one).__name__ == "HexId" else 1 for name, one in converters.items()
        }
        for method in METHODS:
            if hasattr(view, method.lower()):
                needed = in_any(view.scopes.get(method, ""))
                yield method, reverse(pattern.name, kwargs=values), needed


TABLE = sorted(endpoints())


def test_every_endpoint_names_its_scope():
    assert [row for row in TABLE if not set(row[2]) <= set(Scope.values)] == []
    assert len(TABLE) >= 5


@pytest.mark.parametrize("scope", Scope.values)
def test_every_scope_against_every_endpoint(service, scope):
    """Allowed: whatever else is wrong with an empty request, it is not the key."""
    client = caller(service, scopes=[scope])
    found, expected = {}, {}
    for method, address, needed in TABLE:
        answer = client.generic(method, address, b"{}", content_type="application/json")
        kind = answer.json()["type"] if answer.status_code >= 400 else ""
        answer.close()
        found[method, address] = kind.endswith("missing-scope")
        expected[method, address] = scope not in needed
        assert answer.status_code < 500, (method, address, answer.content)
        assert (answer.status_code == 403) == (scope not in needed), (method, address)
    assert found == expected


def test_a_missing_scope_is_named(service, body):
    answer = caller(service, scopes=["read"]).post(URL, body, format="json")
    assert_problem(answer, 403)
    assert answer.json()["detail"] == "It needs the scope send; your key has read."


def test_head_needs_the_scope_of_get(service, body):
    pk = caller(service).post(URL, body, format="json").json()["id"]
    assert caller(service, scopes=["send"]).head(f"{URL}/{pk}").status_code == 403
    assert caller(service, scopes=["read"]).head(f"{URL}/{pk}").status_code == 200


def test_a_key_reaches_its_accounts_alone(service, body):
    other = builders.make_template()
    client = caller(service)
    key = ApiKey.objects.get()
    key.accounts.add(other.account)
    assert_problem(client.post(URL, body, format="json"), 422, "/template", "template_not_allowed")
    person = builders.make_recipient(other.account)
    fitting = body | {"template": other.code, "to": person.openid}
    assert client.post(URL, fitting, format="json").status_code == 202
    key.accounts.clear()  # seen at once by this process
    assert client.post(URL, body, format="json").status_code == 202


def test_a_key_reads_what_it_reaches(service, body, template):
    """Of its client's messages: not those of accounts and templates that are closed to it."""
    pk = caller(service).post(URL, body, format="json").json()["id"]
    other = builders.make_template(template.account)
    limited = caller(service)
    key = ApiKey.objects.latest("pk")
    assert limited.get(f"{URL}/{pk}").status_code == 200
    key.templates.add(other)
    assert limited.get(f"{URL}/{pk}").status_code == 404
    assert limited.post(f"{URL}/{pk}/cancel").status_code == 404
    key.templates.set([template])
    assert limited.get(f"{URL}/{pk}").status_code == 200


def test_a_batch_respects_templates_and_priority_row_by_row(service, body, template):
    other = builders.make_template(template.account)
    client = caller(service, highest_priority=Priority.NORMAL)
    ApiKey.objects.get().templates.add(template)
    rows = [body, body | {"template": other.code}, body | {"priority": "urgent"}]
    answer = client.post(f"{URL}/batch", {"messages": rows}, format="json").json()
    codes = [[error["code"] for error in row.get("errors", [])] for row in answer["results"]]
    assert codes == [[], ["template_not_allowed"], ["priority_not_allowed"]]
    assert Message.objects.count() == 1


def test_a_dry_run_says_the_same(service, body):
    client = caller(service, highest_priority=Priority.BULK)
    answer = client.post(URL, body | {"dry_run": True}, format="json")
    assert_problem(answer, 422, "/priority", "priority_not_allowed")


@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ("", "198.51.100.7", 202),
        ("203.0.113.0/24", "203.0.113.9", 202),
        ("203.0.113.0/24\n2001:db8::/32", "2001:db8::7", 202),
        ("203.0.113.0/24", "198.51.100.7", 403),
        ("203.0.113.7", "2001:db8::7", 403),
        ("203.0.113.7", "", 403),
    ],
)
def test_a_key_works_from_its_networks_alone(service, body, networks, address, status):
    client = caller(service, networks=networks)
    answer = client.post(URL, body, format="json", REMOTE_ADDR=address)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["type"].endswith("address-not-allowed")


def test_a_limit_a_minute_counts_each_message(service, body):
    client = caller(service, per_minute=5)
    first = client.post(URL, body, format="json")
    assert first.status_code == 202
    assert first["RateLimit-Policy"] == '"minute";q=5;w=60'
    assert first["RateLimit"].startswith('"minute";r=4;t=')
    three = {"messages": [body] * 3}
    assert client.post(f"{URL}/batch", three, format="json").status_code == 200
    refused = client.post(f"{URL}/batch", three, format="json")
    assert refused.status_code == 429
    assert refused.json()["type"].endswith("too-many-messages")
    assert 0 < int(refused["Retry-After"]) <= 60
    assert client.post(URL, body, format="json").status_code == 202  # one was left
    assert client.post(URL, body, format="json").status_code == 429
    assert Message.objects.count() == 5


def test_what_never_fits_is_no_reason_to_wait(service, body):
    client = caller(service, per_day=2)
    answer = client.post(f"{URL}/batch", {"messages": [body] * 3}, format="json")
    assert answer.status_code == 422
    assert "Retry-After" not in answer
    assert answer.json()["type"].endswith("over-limit")


def test_reading_and_dry_runs_cost_nothing(service, body):
    client = caller(service, per_minute=1)
    for _ in range(3):
        assert client.post(URL, body | {"dry_run": True}, format="json").status_code == 200
    pk = client.post(URL, body, format="json").json()["id"]
    assert client.get(f"{URL}/{pk}").status_code == 200


def test_a_stream_over_the_limit_tells_which_lines_were_not_tried(service, body, settings):
    client = caller(service, per_minute=1500)
    lines = b"\n".join([json.dumps(body).encode()] * 2001)
    answer = client.generic("POST", f"{URL}/stream", lines, content_type="application/x-ndjson")
    rows = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [row["status"] for row in rows] == ["queued"] * 1000 + ["not_tried"] * 1001
    assert rows[-1]["errors"][0]["code"] == "too_many_messages"
    assert Message.objects.count() == 1000


def test_without_redis_nobody_is_refused(service, body, monkeypatch, settings):
    settings.REDIS_URL = "unix:///nonexistent/redis.sock"
    rates._limiter.cache_clear()
    client = caller(service, per_minute=1)
    assert [client.post(URL, body, format="json").status_code for _ in range(2)] == [202, 202]
    rates._limiter.cache_clear()


def test_limits_are_each_keys_own(service, body):
    first, second = caller(service, per_minute=1), caller(service, per_minute=1)
    assert [one.post(URL, body, format="json").status_code for one in (first, second)] == [202] * 2


def test_an_expired_key_with_an_overlap(service, body):
    """The old key and the new one both work until the old one ends."""
    ends = timezone.now() + timedelta(minutes=5)
    old, new = caller(service, expires_at=ends), caller(service)
    assert [one.post(URL, body, format="json").status_code for one in (old, new)] == [202] * 2
    ApiKey.objects.filter(expires_at=ends).update(expires_at=timezone.now())
    memory.forget()
    assert [one.post(URL, body, format="json").status_code for one in (old, new)] == [401, 202]


@pytest.fixture(autouse=True)
def fresh_counts():
    lanes.redis().flushdb()


@pytest.mark.parametrize("limit", ["accounts", "templates"])
def test_a_key_whose_only_one_is_deleted_reaches_none(service, body, limit):
    """Not all: nobody has chosen that."""
    gone = MessageTemplate.objects.create(account=builders.make_account(), code="gone", name="x")
    row = {"accounts": gone.account, "templates": gone}[limit]
    client = caller(service)
    key = ApiKey.objects.get()
    getattr(key, limit).set([row])
    for one in (gone, gone.account)[: 2 if limit == "accounts" else 1]:
        one.delete()
    memory.forget()
    assert_problem(client.post(URL, body, format="json"), 422, "/template", "template_not_allowed")
    successor, rotated = ApiKey.objects.get().rotated(timedelta(0))
    assert successor.allowance == ApiKey.objects.get(pk=key.pk).allowance
    again = APIClient(HTTP_AUTHORIZATION=f"Bearer {rotated}", raise_request_exception=False)
    assert_problem(again.post(URL, body, format="json"), 422, "/template", "template_not_allowed")
    getattr(successor, limit).set([row.__class__.objects.latest("pk")])
    getattr(successor, limit).clear()  # somebody chooses all
    assert again.post(URL, body, format="json").status_code == 202
