"""A template, a follower, and a way to post any body."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from notifier.models import Message, Recipient
from templates_app.models import MessageTemplate
from tests import builders
from tests.api.campaigning import caller
from tests.api.documented import as_documented  # noqa: F401 - a fixture
from tests.campaigns.campaigning import a_group

URL = "/api/v1/messages"
CAMPAIGNS = "/api/v1/campaigns"
Post = Callable[..., HttpResponse]


@pytest.fixture
def template(transactional_db: None) -> MessageTemplate:
    return builders.make_template()


@pytest.fixture
def person(template: MessageTemplate) -> Recipient:
    return builders.make_recipient(template.account, user_id="u-1")


@pytest.fixture
def body(template: MessageTemplate, person: Recipient) -> dict[str, Any]:
    return {"template": template.code, "to": {"openid": person.openid}, "data": builders.DATA}


@pytest.fixture
def post(api: APIClient) -> Post:
    """Bytes are sent as they are, anything else as JSON."""

    def send(body: Any, **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.post(URL, raw, content_type="application/json", headers=named)

    return send


def assert_problem(response: Any, status: int, pointer: str | None = None, code: str = "") -> None:
    """RFC 9457, with the field at fault (`pointer`), and no row was made."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response["X-Request-ID"] != ""
    assert {"type", "title", "detail", "errors"} <= problem.keys()
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem["errors"]], problem["errors"]
    if code:
        assert code in [error["code"] for error in problem["errors"]], problem["errors"]
    assert not Message.objects.exists()


# Of campaigns


@pytest.fixture
def shop(service):
    return caller(service, "campaigns")


@pytest.fixture
def boss(transactional_db):
    return caller(builders.make_client(name="boss"), "approve")


@pytest.fixture
def group(template):
    return a_group(template.account, 12)


@pytest.fixture
def asked(template, group):
    return {
        "name": "双十一",
        "template": template.code,
        "data": builders.DATA,
        "audience": {"group": group.name},
        "canary_percent": 0,
    }


@pytest.fixture
def made(shop, asked):
    def make(**changes):
        answer = shop.post(CAMPAIGNS, asked | changes, format="json")
        assert answer.status_code == 201, answer.content
        return answer.json()["id"]

    return make
