"""Who calls, and what is theirs: of a request, its client and its key."""

from typing import TypeVar, cast

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from notifier.api.errors import TestKey
from notifier.intake.accept import Origin
from notifier.models import ApiClient, ApiKey, Message

SANDBOX = "sandbox:"
Row = TypeVar("Row", bound=Model)


def client_of(request: Request) -> ApiClient:
    return cast(ApiClient, request.user)


def key_of(request: Request) -> ApiKey:
    return cast(ApiKey, request.auth)


def refuse_test_key(request: Request) -> None:
    """Raises TestKey."""
    if key_of(request).is_test:
        raise TestKey


def origin_of(request: Request, idempotency_key: str | None = None, digest: str = "") -> Origin:
    return Origin(
        client=client_of(request),
        idempotency_key=kept(request, idempotency_key),
        request_digest=digest,
        allowance=key_of(request).allowance,
    )


def kept(request: Request, idempotency_key: str | None) -> str | None:
    """As it is stored: what a test key has sent is no answer to a live one."""
    if idempotency_key is None or not key_of(request).is_test:
        return idempotency_key
    return SANDBOX + idempotency_key


def own_messages(request: Request) -> QuerySet[Message]:
    """Of the client that asks, as far as its key reaches: a test key sees the sandbox alone."""
    key = key_of(request)
    messages = Message.objects.filter(client=client_of(request))
    if key.is_test:
        messages = messages.filter(is_test=True)
    return reached(key, messages, "account", "version__template")


def reached(key: ApiKey, rows: QuerySet[Row], account: str, template: str) -> QuerySet[Row]:
    """Those of the accounts and templates that the key reaches; the names lead to their ids."""
    return key.allowance.among(rows, account, template)
