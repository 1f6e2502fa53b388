"""Holds every answer of the API tests against the OpenAPI document: its status, its media type and
its body. What is not written there fails the test that saw it."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
import pytest

from notifier.api.contract.pages import document
from notifier.api.views import Endpoint


@cache
def contract() -> dict[str, Any]:
    return dict(json.loads(document()))


@cache
def _operations() -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path in contract()["paths"].values()
        for operation in path.values()
    }


@cache
def _validator(schema: str) -> Any:
    """`schema`: as JSON."""
    whole = {"components": contract()["components"]} | json.loads(schema)
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def wrong_with(name: str, method: str, response: Any) -> str:
    """Empty: the answer is as the document says."""
    if method in ("HEAD", "OPTIONS"):
        return ""
    operation = _operations().get(f"{name}-{method.lower()}")
    if operation is None:
        return "" if response.status_code == 405 else f"{method} {name} is not documented"
    told = operation["responses"].get(str(response.status_code))
    if told is None:
        return f"{method} {name}: {response.status_code} is not documented"
    if "$ref" in told:
        told = contract()["components"]["responses"][str(response.status_code)]
    if response.status_code == 204:
        return ""
    media = response["Content-Type"].partition(";")[0]
    if media not in told["content"]:
        return f"{method} {name}: {response.status_code} with {media} is not documented"
    if response.streaming:
        return ""
    schema = told["content"][media]["schema"]
    validator = _validator(json.dumps(schema))
    body = json.loads(response.content)
    error = next(iter(validator.iter_errors(body)), None)
    if error:
        return f"{method} {name}: {error.message} at {list(error.instance_path)}"
    unknown = _unknown(body, schema)
    return f"{method} {name}: {unknown} is not documented" if unknown else ""


def _unknown(body: Any, schema: dict[str, Any]) -> str:
    """A field at the top of the body, or of its rows, that the document does not name."""
    known = contract()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    fields = set(body) - set(known)
    rows = known.get("data", {}).get("items", {})
    if not fields and "$ref" in rows and body.get("data"):
        return _unknown(body["data"][0], rows)
    return ", ".join(sorted(fields))


@pytest.fixture(autouse=True)
def as_documented(monkeypatch: pytest.MonkeyPatch) -> Any:
    """On each answer that an endpoint gives while the test runs."""
    found: list[str] = []
    finalize = Endpoint.finalize_response

    def finalized(self: Endpoint, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = finalize(self, request, response, *args, **kwargs)
        if hasattr(answer, "render") and not answer.is_rendered:
            answer.render()
        if self.contract_name and (wrong := wrong_with(self.contract_name, request.method, answer)):
            found.append(wrong)
        return answer

    monkeypatch.setattr(Endpoint, "finalize_response", finalized)
    yield
    assert found == []
