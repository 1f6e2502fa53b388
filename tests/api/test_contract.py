"""The OpenAPI document: complete, valid, and never broken for a service without somebody deciding
it (`python -m tests.api.contract_changes --breaking`, and a word in the CHANGELOG)."""

import copy
import json
import re

import jsonschema_rs
import pytest
from django.test import Client

from notifier.api.contract.operations import OPERATIONS
from notifier.api.urls import urlpatterns
from tests.api.contract_changes import PUBLISHED, breaking
from tests.api.documented import contract


def test_every_method_of_every_address_is_documented():
    served = {
        (pattern.name, method)
        for pattern in urlpatterns
        for method in pattern.callback.view_class.scopes
    }
    assert OPERATIONS.keys() == served


def test_what_was_published_holds():
    assert breaking(json.loads(PUBLISHED.read_text()), contract()) == []


def test_what_it_refers_to_is_there():
    known = contract()["components"]["schemas"].keys()
    used = set(re.findall(r"#/components/schemas/([A-Za-z_.]+)", json.dumps(contract())))
    assert used - known == set()


def test_its_schemas_are_valid():
    for name, schema in contract()["components"]["schemas"].items():
        whole = {"components": contract()["components"], **schema}
        assert jsonschema_rs.Draft202012Validator(whole), name


def test_each_example_fits_its_schema():
    shown = 0
    for path in contract()["paths"].values():
        for operation in path.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                whole = {"components": contract()["components"]} | content["schema"]
                for example in content.get("examples", {}).values():
                    jsonschema_rs.Draft202012Validator(whole).validate(example["value"])
                    shown += 1
    assert shown >= 10


def test_errors_and_the_key_are_described():
    document = contract()
    assert document["openapi"].startswith("3.1")
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["security"] == [{"key": []}]
            assert operation["responses"]["401"] == {"$ref": "#/components/responses/401"}
    problem = document["components"]["responses"]["401"]["content"]["application/problem+json"]
    assert problem["schema"]["$ref"].endswith("/Problem")
    assert problem["examples"]


@pytest.mark.parametrize("page", ["/api/docs/", "/api/redoc/"])
def test_the_pages_load_nothing_from_elsewhere(db, page):
    answer = Client().get(page)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "/api/schema/" in shown
    assert "//" not in shown.replace("<!DOCTYPE", "")
    assert "default-src 'self'" in answer["Content-Security-Policy"]


CHANGES = {
    "an operation": (lambda d: d["paths"].pop("/api/v1/messages/stream"), "is gone"),
    "a field of an answer": (lambda d: _schema(d, "WholeMessage").pop("msgid"), "has no msgid"),
    "a field of a request": (lambda d: _schema(d, "SendBody").pop("url"), "may have no url"),
    "a demanded field": (
        lambda d: d["components"]["schemas"]["SendBody"]["required"].append("url"),
        "must have url",
    ),
    "another type": (
        lambda d: _schema(d, "WholeMessage").update(attempts={"type": "string"}),
        "may now be string",
    ),
    "a narrower request": (
        lambda d: _schema(d, "SendBody").update(to={"type": "string"}),
        "may not be object",
    ),
    "a value less": (
        lambda d: _schema(d, "SendBody")["priority"]["enum"].remove("bulk"),
        "may not be bulk",
    ),
    "a status": (
        lambda d: d["paths"]["/api/v1/messages"]["post"]["responses"].pop("202"),
        "answers 202",
    ),
    "a parameter": (
        lambda d: d["paths"]["/api/v1/messages"]["get"]["parameters"].pop(),
        "parameter",
    ),
}


def _schema(document, name):
    return document["components"]["schemas"][name]["properties"]


@pytest.mark.parametrize("name", CHANGES)
def test_what_breaks_a_service_is_seen(name):
    change, told = CHANGES[name]
    changed = copy.deepcopy(contract())
    change(changed)
    assert any(told in one for one in breaking(contract(), changed))


def test_what_is_added_breaks_nobody():
    changed = copy.deepcopy(contract())
    changed["paths"]["/api/v1/new"] = {}
    _schema(changed, "WholeMessage")["colour"] = {"type": "string"}
    _schema(changed, "SendBody")["colour"] = {"type": "string"}
    assert breaking(contract(), changed) == []
