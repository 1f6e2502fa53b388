"""drf-spectacular reads the table of operations; the bodies' types give their own JSON Schema."""

import re
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from notifier.access.keys import in_any
from notifier.api.contract import shapes
from notifier.api.contract.examples import EXAMPLES
from notifier.api.contract.examples import PROBLEM as PROBLEM_EXAMPLE
from notifier.api.contract.operations import FOR_ALL, OPERATIONS, Operation

REF = "#/components/schemas/{name}"
PROBLEM = "application/problem+json"
CODES = ["400", "401", "403", "404", "409", "410", "413", "422", "429", "503"]
TAGS = {  # in the order of the reference
    "messages": "Messages",
    "message": "Messages",
    "campaigns": "Campaigns",
    "campaign": "Campaigns",
    "schedules": "Recurring messages",
    "schedule": "Recurring messages",
    "accounts": "Recipients",
    "recipients": "Recipients",
    "recipient": "Recipients",
    "resolve": "Recipients",
    "templates": "Templates",
    "template": "Templates",
    "events": "Events and webhooks",
    "webhook": "Events and webhooks",
}


class Documented(AutoSchema):
    """Of one of the table's rows; what has none is in no document."""

    view: Any

    @property
    def _name(self) -> str:
        return str(self.view.contract_name)

    @property
    def _row(self) -> Operation:
        return OPERATIONS[self._name, self.method]

    def is_excluded(self) -> bool:
        return (getattr(self.view, "contract_name", ""), self.method) not in OPERATIONS

    def get_operation_id(self) -> str:
        return f"{self._name}-{self.method.lower()}"

    def get_summary(self) -> str:
        return self._row.summary

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular's own
        scopes = " or ".join(f"`{one}`" for one in in_any(self.view.scopes[self.method]))
        return f"{self._row.about}\n\nScope: {scopes}.".strip()

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"key": []}]

    def get_tags(self) -> list[str]:
        return [TAGS[self._name.partition("-")[0]]]

    def get_override_parameters(self) -> list[Any]:
        return [
            OpenApiParameter(one.name, one.schema, one.where, description=one.about)
            for one in self._row.parameters
        ]

    def get_request_serializer(self) -> Any:
        return {media: _schema(body) for media, body in self._row.takes.items()} or None

    def get_examples(self) -> list[OpenApiExample]:
        """Of the request, and of what a refusal looks like."""
        shown = [
            OpenApiExample(
                "A refusal", value=PROBLEM_EXAMPLE, media_type=PROBLEM, status_codes=CODES
            )
        ]
        if example := EXAMPLES.get((self._name, self.method)):
            media = next(iter(self._row.takes))
            shown.append(
                OpenApiExample("An example", value=example, media_type=media, request_only=True)
            )
        return shown

    def get_response_serializers(self) -> Any:
        found: dict[Any, Any] = {}
        for status, shape in self._row.gives.items():
            phrase = HTTPStatus(status).phrase
            if shape is None:
                found[status] = OpenApiResponse(description=phrase)
            else:
                found[status, self._row.media] = OpenApiResponse(_schema(shape), phrase)
        for status in sorted({*FOR_ALL, *self._row.refuses}):
            found[status, PROBLEM] = OpenApiResponse(
                _schema(shapes.Problem), HTTPStatus(status).phrase
            )
        return found


def _schema(shape: Any) -> dict[str, Any]:
    return {"type": "string"} if shape is str else {"$ref": REF.format(name=shape.__name__)}


@cache
def _components() -> dict[str, Any]:
    rows = OPERATIONS.values()
    used = {shapes.Problem}
    used |= {one for row in rows for one in [*row.gives.values(), *row.takes.values()] if one}
    types = sorted(used - {str}, key=lambda one: str(one.__name__))
    _refs, found = msgspec.json.schema_components(types, ref_template=REF)
    return {name: _for_others(schema) for name, schema in found.items()}


def _for_others(schema: Any) -> Any:
    r"""Python's \Z is $ in ECMA 262, whose patterns JSON Schema has; a type's name is no title."""
    if isinstance(schema, dict):
        return {
            name: _for_others(value)
            if not (name == "pattern" and isinstance(value, str))
            else re.sub(r"\\Z$", "$", value)
            for name, value in schema.items()
        }
    return [_for_others(one) for one in schema] if isinstance(schema, list) else schema


def add_components(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular's: tags in the order of their table, each refusal described once,
    by its status."""
    result["tags"] = [{"name": name} for name in dict.fromkeys(TAGS.values())]
    components = result["components"]
    components.setdefault("schemas", {}).update(_components())
    shared = components.setdefault("responses", {})
    for path in result["paths"].values():
        for operation in path.values():
            for status, told in operation["responses"].items():
                if int(status) >= HTTPStatus.BAD_REQUEST:
                    shared[status] = told
                    operation["responses"][status] = {"$ref": f"#/components/responses/{status}"}
    return result
