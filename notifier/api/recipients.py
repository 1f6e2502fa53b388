"""The people of an account: read, written one by one or a thousand at once, looked up, erased."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from django.http import Http404, HttpResponse
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.bodies import Short, To, address_of, decoded
from notifier.api.callers import key_of, refuse_test_key
from notifier.api.decoding import NO_NUL, escaped
from notifier.api.errors import InvalidRequest, faults_as_json, in_the_air
from notifier.api.views import Endpoint
from notifier.intake.errors import Fault
from notifier.models import Recipient, RecipientState, Scope
from notifier.recipients.directory import resolve_many
from notifier.recipients.erasing import InTheAir, erase
from notifier.recipients.imports.problems import Problem
from notifier.recipients.upserting import Outcome, upsert
from templates_app.models import OfficialAccount

MOST = 1000
Text = Annotated[str, Meta(max_length=300, pattern=NO_NUL)] | None | UnsetType
Attributes = (
    Annotated[
        dict[str, Any],
        Meta(
            description="Given names are set, null removes one, others stay.",
            extra_json_schema={
                "propertyNames": {"maxLength": 64},
                "additionalProperties": {
                    "anyOf": [{"type": kind} for kind in ("string", "number", "boolean", "null")]
                },
            },
        ),
    ]
    | None
    | UnsetType
)
Names = Annotated[list[Short], Meta(max_length=100)] | None | UnsetType


class PersonBody(Struct, forbid_unknown_fields=True):
    """What is to be set; null empties, what is not named stays."""

    user: Text = UNSET
    name: Text = UNSET
    email: Text = UNSET
    phone: Text = UNSET
    unionid: Text = UNSET
    groups: Names = UNSET
    leave_groups: Names = UNSET
    attributes: Attributes = UNSET

    def row(self, openid: str) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.__struct_fields__ if name != "openid"}
        row = {name: value for name, value in given.items() if value is not UNSET}
        if "user" in row:
            row["user_id"] = row.pop("user")
        return {"openid": openid} | row


class RecipientRow(PersonBody, kw_only=True):
    openid: Short


class ManyBody(Struct, forbid_unknown_fields=True):
    """PUT /accounts/{account}/recipients"""

    recipients: list[RecipientRow]


class ResolveBody(Struct, forbid_unknown_fields=True):
    """POST /accounts/{account}/recipients/resolve"""

    to: list[To | Short]


_decode_one = msgspec.json.Decoder(PersonBody).decode
_decode_many = msgspec.json.Decoder(ManyBody).decode
_decode_resolve = msgspec.json.Decoder(ResolveBody).decode


class Accounts(Endpoint):
    """Those that the key reaches."""

    scopes = {"GET": Scope.READ}

    def get(self, request: Request) -> Response:
        reached = key_of(request).allowance.accounts
        rows = OfficialAccount.objects.order_by("slug").values("pk", "slug", "name", "is_active")
        data = [
            {"account": row["slug"], "name": row["name"], "active": row["is_active"]}
            for row in rows
            if not reached or row["pk"] in reached
        ]
        return Response({"data": data})


class Recipients(Endpoint):
    """Up to MOST at once, each with its own result."""

    scopes = {"PUT": Scope.RECIPIENTS}
    max_body = "API_MAX_BATCH_BYTES"

    def put(self, request: Request, account: str) -> Response:
        account_id = _account(request, account)
        refuse_test_key(request)
        rows = decoded(_decode_many, request.body).recipients
        _check_count("/recipients", rows)
        outcomes = upsert(account_id, [row.row(row.openid) for row in rows])
        return Response(
            {
                "results": [
                    {"openid": row.openid} | _result(one)
                    for row, one in zip(rows, outcomes, strict=True)
                ]
            }
        )


class OneRecipient(Endpoint):
    scopes = dict.fromkeys(("GET", "PUT", "DELETE"), Scope.RECIPIENTS)

    def get(self, request: Request, account: str, openid: str) -> Response:
        return Response(_whole(_person(request, _account(request, account), openid)))

    def put(self, request: Request, account: str, openid: str) -> Response:
        account_id = _account(request, account)
        refuse_test_key(request)
        body = decoded(_decode_one, request.body)
        (outcome,) = upsert(account_id, [body.row(openid)])
        if outcome.problems:
            raise InvalidRequest(_faults(outcome), status=422)
        person = _person(request, account_id, openid)
        return Response(_whole(person), status=201 if outcome.status == "created" else 200)

    def delete(self, request: Request, account: str, openid: str) -> HttpResponse | Response:
        """Erases the person's data; the states of their messages stay, for the counts."""
        account_id = _account(request, account)
        refuse_test_key(request)
        try:
            erase(_person(request, account_id, openid))
        except InTheAir:
            return in_the_air()
        return Response(status=204)


class Resolve(Endpoint):
    """Whom each address means, in the order asked; null: nobody. Costs two statements."""

    scopes = {"POST": Scope.RECIPIENTS}
    max_body = "API_MAX_BATCH_BYTES"

    def post(self, request: Request, account: str) -> Response:
        account_id = _account(request, account)
        asked = decoded(_decode_resolve, request.body).to
        _check_count("/to", asked)
        found = resolve_many(
            account_id, [address_of(one, f"/to/{n}") for n, one in enumerate(asked)]
        )
        people = _seen(request).in_bulk([pk for pk in found if pk is not None])
        rows = [people.get(pk or 0) for pk in found]
        return Response(
            {"results": [row and {"openid": row.openid, "state": row.state} for row in rows]}
        )


def _account(request: Request, slug: str) -> int:
    """Raises Http404."""
    reached = key_of(request).allowance.accounts
    pk = OfficialAccount.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if pk is None or (reached and pk not in reached):
        raise Http404
    return int(pk)


def _seen(request: Request) -> Any:
    sandbox = Recipient.objects.filter(state=RecipientState.SANDBOX)
    people = Recipient.objects.exclude(state__in=(RecipientState.ERASED, RecipientState.SANDBOX))
    return sandbox if key_of(request).is_test else people


def _person(request: Request, account_id: int, openid: str) -> Recipient:
    """Raises Http404."""
    person = _seen(request).filter(account_id=account_id, openid=openid).first()
    if person is None:
        raise Http404
    return person  # type: ignore[no-any-return]


def _check_count(pointer: str, rows: Sequence[Any]) -> None:
    if not 0 < len(rows) <= MOST:
        text = f"1 to {MOST} in a request."
        raise InvalidRequest([Fault(pointer, "wrong_count", text)], status=422)


def _whole(person: Recipient) -> dict[str, Any]:
    return {
        "openid": person.openid,
        "user": person.user_id or None,
        "name": person.name or None,
        "email": person.email or None,
        "phone": person.phone_shown or None,
        "unionid": person.unionid or None,
        "state": person.state,
        "attributes": dict(sorted(person.attributes.items())),
        "groups": list(person.groups.order_by("name").values_list("name", flat=True)),
        "tags": list(person.tags.order_by("name").values_list("name", flat=True)),
        "followed_at": person.followed_at and person.followed_at.isoformat(),
    }


def _result(outcome: Outcome) -> dict[str, Any]:
    if not outcome.problems:
        return {"status": outcome.status}
    return {"status": outcome.status, "errors": faults_as_json(_faults(outcome))}


def _faults(outcome: Outcome) -> list[Fault]:
    return [
        Fault(
            _pointer(problem),
            "invalid_value",
            f"It {problem.text}.",
            problem.params,
        )
        for problem in outcome.problems
    ]


def _pointer(problem: Problem) -> str:
    pointer = "/" + {"user_id": "user"}.get(problem.column, problem.column)
    name = problem.params.get("attribute")
    return pointer if name is None else f"{pointer}/{escaped(name)}"
