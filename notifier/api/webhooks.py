"""/webhook-endpoints and /webhook-deliveries: where the client is told of events, and what became
of each telling."""

import uuid
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.bodies import Moment, decoded
from notifier.api.callers import client_of, key_of
from notifier.api.decoding import NO_NUL
from notifier.api.errors import InvalidRequest, problem
from notifier.api.events import read_cursor, read_limit
from notifier.api.views import Endpoint
from notifier.api.webhook_answers import as_delivery, as_endpoint
from notifier.intake.errors import Fault
from notifier.models import EventType, Outcome, Scope, WebhookDelivery, WebhookEndpoint
from notifier.webhooks.guard import fault_of
from notifier.webhooks.problems import PROBLEMS
from notifier.webhooks.relay import ping
from notifier.webhooks.replay import MISSED, Range, replay, replay_range

MAX_ENDPOINTS = 20
Address = Annotated[str, Meta(min_length=1, max_length=500, pattern=NO_NUL)]
Words = Annotated[str, Meta(max_length=100, pattern=NO_NUL)]
Types = list[
    Literal[
        "message.sent",
        "message.delivered",
        "message.undelivered",
        "message.failed",
        "message.unknown",
        "message.expired",
        "message.cancelled",
        "message.fallback",
        "anomaly.raised",
        "anomaly.ended",
    ]
]


class EndpointBody(Struct, forbid_unknown_fields=True):
    """POST. Without `types` it is told of all."""

    url: Address
    types: Types = []
    description: Words = ""
    active: bool = True


class EndpointChanges(Struct, forbid_unknown_fields=True):
    """PATCH. What is not named stays."""

    url: Address | UnsetType = UNSET
    types: Types | UnsetType = UNSET
    description: Words | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class RangeBody(Struct, forbid_unknown_fields=True):
    """From `since` (included) until `until` (not), by default now. `which`: by default those that
    the endpoint has not taken."""

    since: Moment
    until: Moment | UnsetType = UNSET
    types: Types = []
    which: Literal["missed", "failed", "delivered", "all"] = MISSED  # type: ignore[assignment]


_decode_endpoint = msgspec.json.Decoder(EndpointBody).decode
_decode_changes = msgspec.json.Decoder(EndpointChanges).decode
_decode_replay = msgspec.json.Decoder(RangeBody).decode


class WebhookEndpoints(Endpoint):
    scopes = dict.fromkeys(("GET", "POST"), Scope.WEBHOOKS)

    def get(self, request: Request) -> Response:
        return Response({"data": [as_endpoint(one) for one in _own(request)]})

    def post(self, request: Request) -> Any:
        """201 with the secret, which is shown this once."""
        body = decoded(_decode_endpoint, request.body)
        _check_url(body.url)
        if WebhookEndpoint.objects.filter(client=client_of(request)).count() >= MAX_ENDPOINTS:
            return problem(
                409,
                "too-many-endpoints",
                "There are too many endpoints.",
                f"A client has at most {MAX_ENDPOINTS}. Delete one that you need no more.",
            )
        allowance = key_of(request).allowance
        endpoint = WebhookEndpoint(
            client=client_of(request),
            is_test=allowance.is_test,
            accounts=sorted(allowance.accounts),
            templates=sorted(allowance.templates),
            url=body.url,
            types=sorted(set(body.types)),
            description=body.description,
            is_active=body.active,
        )
        secret = endpoint.new_secret(timezone.now())
        endpoint.save(force_insert=True)
        return Response(as_endpoint(endpoint) | {"secret": secret}, status=201)


class OneWebhookEndpoint(Endpoint):
    scopes = dict.fromkeys(("GET", "PATCH", "DELETE"), Scope.WEBHOOKS)

    def get(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        return Response(as_endpoint(_one(request, endpoint_id)))

    def patch(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        """Stores only what changes: another may rotate the secret at the same time."""
        body = decoded(_decode_changes, request.body)
        endpoint = _one(request, endpoint_id)
        changed: list[str] = []
        if body.url is not UNSET:
            _check_url(body.url)
            endpoint.url = body.url
            changed.append("url")
        if body.types is not UNSET:
            endpoint.types = sorted(set(body.types))
            changed.append("types")
        if body.description is not UNSET:
            endpoint.description = body.description
            changed.append("description")
        if body.active is not UNSET:
            endpoint.switch(body.active)
            changed += WebhookEndpoint.SWITCHED
        endpoint.save(update_fields=changed)
        return Response(as_endpoint(endpoint))

    def delete(self, request: Request, endpoint_id: uuid.UUID) -> HttpResponse:
        """With its deliveries; the events stay."""
        _one(request, endpoint_id).delete()
        return HttpResponse(status=204)


class RotatingSecret(Endpoint):
    """The new secret, shown this once; the one before signs along for a day."""

    scopes = {"POST": Scope.WEBHOOKS}

    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        endpoint = _one(request, endpoint_id)
        secret = endpoint.new_secret(timezone.now())
        endpoint.save(update_fields=["secret", "previous_secret", "previous_until"])
        return Response(as_endpoint(endpoint) | {"secret": secret})


class Pinging(Endpoint):
    """A test event to this endpoint: 202 with its delivery."""

    scopes = {"POST": Scope.WEBHOOKS}

    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        return Response(as_delivery(ping(_one(request, endpoint_id))), status=202)


class Replaying(Endpoint):
    """202 with how many events are sent again, each under the id that it had."""

    scopes = {"POST": Scope.WEBHOOKS}

    def post(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        body = decoded(_decode_replay, request.body)
        endpoint = _one(request, endpoint_id)
        until = timezone.now() if body.until is UNSET else body.until
        if not timezone.now() - timedelta(days=settings.EVENT_KEEP_DAYS) <= body.since < until:
            days = settings.EVENT_KEEP_DAYS
            text = f"It must lie before until and within the last {days} days, as events do."
            raise InvalidRequest([Fault("/since", "out_of_range", text)], status=422)
        wanted = Range(body.since, until, tuple(body.types), body.which)
        replayed = replay_range(endpoint, wanted)
        answer = {"replayed": replayed.events, "next_since": replayed.next_since}
        return Response(answer, status=202)


class DeliveriesOfEndpoint(Endpoint):
    """Newest first. `after`: the `next` of the answer before."""

    scopes = {"GET": Scope.WEBHOOKS}

    def get(self, request: Request, endpoint_id: uuid.UUID) -> Response:
        limit, after = read_limit(request), read_cursor(request)
        own = _deliveries(request).filter(_filters(request), endpoint=_one(request, endpoint_id))
        if after is not None:
            own = own.filter(pk__lt=after)
        rows = list(own.order_by("-pk")[: limit + 1])
        has_more, rows = len(rows) > limit, rows[:limit]
        return Response(
            {
                "data": [as_delivery(one) for one in rows],
                "next": str(rows[-1].pk) if has_more else None,
                "has_more": has_more,
            }
        )


class OneWebhookDelivery(Endpoint):
    scopes = {"GET": Scope.WEBHOOKS}

    def get(self, request: Request, delivery_id: int) -> Response:
        return Response(as_delivery(_delivery(request, delivery_id)))


class ReplayingOne(Endpoint):
    """202 with the delivery, due at once. One that waits anyhow stays as it is."""

    scopes = {"POST": Scope.WEBHOOKS}

    def post(self, request: Request, delivery_id: int) -> Response:
        replay([_delivery(request, delivery_id).pk])
        return Response(as_delivery(_delivery(request, delivery_id)), status=202)


def _own(request: Request) -> list[WebhookEndpoint]:
    """The client's, as far as the key reaches: whoever could change another's address or secret
    would be told of what the key may not read."""
    rows = WebhookEndpoint.objects.filter(client=client_of(request)).order_by("pk")
    allowance = key_of(request).allowance
    return [one for one in rows if allowance.covers(one.allowance)]


def _one(request: Request, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """Raises Http404."""
    for endpoint in _own(request):
        if endpoint.pk == endpoint_id:
            return endpoint
    raise Http404


def _deliveries(request: Request) -> QuerySet[WebhookDelivery]:
    own = WebhookDelivery.objects.filter(endpoint__in=[one.pk for one in _own(request)])
    return own.select_related("event")


def _delivery(request: Request, delivery_id: int) -> WebhookDelivery:
    """Raises Http404."""
    found = _deliveries(request).filter(pk=delivery_id).first()
    if found is None:
        raise Http404
    return found


def _check_url(url: str) -> None:
    """Raises InvalidRequest."""
    if fault := fault_of(url, settings.WEBHOOK_ALLOWED_NETWORKS):
        raise InvalidRequest([Fault("/url", fault, PROBLEMS[fault])], status=422)


def _filters(request: Request) -> Q:
    """Raises InvalidRequest."""
    wanted = Q()
    known = (("outcome", "outcome", Outcome.values), ("type", "event__type", EventType.values))
    for name, lookup, values in known:
        if (given := request.query_params.get(name)) is None:
            continue
        if given not in values:
            text = f"{name} is one of {', '.join(values)}."
            raise InvalidRequest([Fault(f"/{name}", "invalid_value", text)], status=422)
        wanted &= Q(**{lookup: given})
    return wanted
