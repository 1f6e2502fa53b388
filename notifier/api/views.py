"""The endpoints. They read, call intake or the models, and answer; they decide nothing."""

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.utils import timezone, translation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifier.access.chunked import take_in
from notifier.access.rates import Standing, TooMany, spend
from notifier.acting import Actor, acting
from notifier.api import answers
from notifier.api.bodies import read_filter, read_send
from notifier.api.callers import client_of, key_of, origin_of, own_messages
from notifier.api.errors import InvalidRequest, malformed, too_large, too_late
from notifier.api.listing import filtered, page_of
from notifier.dispatch.repair import Fate, cancel
from notifier.dispatch.waiting import waiting
from notifier.intake.accept import accept, replayed
from notifier.intake.dry_run import foresee
from notifier.intake.errors import Fault
from notifier.models import Message, Scope, State
from notifier.models.timeline import timeline
from notifier.observability.requests import client_address, current_request_id

MAX_KEY_LENGTH = 255
MOST_CANCELLED = 5000
_LENGTH = re.compile(r"[0-9]{1,18}")


class Endpoint(APIView):
    scopes: Mapping[str, Scope | tuple[Scope, ...]]
    """What a key needs, for each method; one of several is enough."""
    contract_name = ""
    """The name of its address; set there."""
    max_body = "API_MAX_BODY_BYTES"
    """The setting that limits its bodies."""
    is_stream = False
    """Reads its body bit by bit."""
    _standings: Sequence[Standing] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """In English, whatever the browser's language: programs and their engineers read it.

        A body over the limit is refused before it is read.
        """
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not _LENGTH.fullmatch(length):  # Django would raise ValueError
            return malformed("Content-Length is not a number of bytes.")
        limit = getattr(settings, self.max_body)
        try:
            if int(length) > limit or not (self.is_stream or take_in(request, limit)):
                return too_large(limit)
        except UnreadablePostError:
            return malformed("The body broke off. Nothing was accepted; send it again.")
        with translation.override("en"), acting(self._actor):
            return super().dispatch(request, *args, **kwargs)

    def spend(self, request: Request, count: int = 1) -> None:
        """Messages that are to be sent count against the key's limits. Raises TooMany."""
        try:
            self._standings = spend(key_of(request), count)
        except TooMany as error:
            self._standings = error.standings
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """With the fields of draft-ietf-httpapi-ratelimit-headers, if the key has limits."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self._standings:
            answer["RateLimit-Policy"] = ", ".join(
                f'"{one.name}";q={one.most};w={one.window}' for one in self._standings
            )
            answer["RateLimit"] = ", ".join(
                f'"{one.name}";r={one.left};t={one.seconds}' for one in self._standings
            )
        return answer

    def _actor(self) -> Actor:
        """Asked for by what records a change; accepting a message changes nothing audited."""
        client = client_of(self.request)
        address = client_address(self.request)
        return Actor("client", client.name, address, current_request_id())


class Messages(Endpoint):
    scopes = {"GET": Scope.READ, "POST": Scope.SEND}

    def get(self, request: Request) -> Response:
        """The client's messages, newest first."""
        whose = own_messages(request).select_related("version__template").defer("payload")
        page = page_of(request, whose)
        data = [answers.listed(message) for message in page["rows"]]
        return Response({"data": data, "next": page["next"], "has_more": page["next"] is not None})

    def post(self, request: Request) -> HttpResponseBase:
        body = read_send(request)
        if body.dry_run:
            found = foresee(body.request(), origin_of(request))
            return Response(answers.foreseen(found, body.request()))
        digest = hashlib.sha256(body.digest_source()).hexdigest()
        origin = origin_of(request, idempotency_key(request), digest)
        try:
            self.spend(request)
        except TooMany:  # what was accepted before sends nothing more
            accepted = replayed(origin)
            if accepted is None:
                raise
        else:
            accepted = accept(body.request(), origin)
        # Not DRF's Response: it costs a tenth of the request to be rendered into the same bytes.
        response = HttpResponse(
            msgspec.json.encode(answers.accepted(accepted)),
            status=202,
            content_type="application/json",
        )
        if accepted.replayed:
            response["Idempotent-Replayed"] = "true"
        return response


class OneMessage(Endpoint):
    scopes = {"GET": Scope.READ}

    def get(self, request: Request, message_id: uuid.UUID) -> Response:
        return Response(_whole(_own(request, message_id)))


class Cancelling(Endpoint):
    """POST /messages/{id}/cancel: 200 with the message as it is now. Once more changes nothing."""

    scopes = {"POST": Scope.SEND}

    def post(self, request: Request, message_id: uuid.UUID) -> HttpResponseBase:
        message = _own(request, message_id)
        if message.state != State.CANCELLED:
            fates = cancel([message.pk], client_of(request).name, timezone.now())
            message = _own(request, message_id)
            if fates[Fate.TOO_LATE] and message.state != State.CANCELLED:
                return too_late(message.state)
        return Response(_whole(message))


class CancellingMany(Endpoint):
    """POST /messages/cancel: what waits and fits the filter, MOST_CANCELLED at most."""

    scopes = {"POST": Scope.SEND}

    def post(self, request: Request) -> Response:
        waiting = filtered(own_messages(request), read_filter(request)).filter(state=State.QUEUED)
        ids = list(waiting.order_by("id").values_list("pk", flat=True)[: MOST_CANCELLED + 1])
        fates = cancel(ids[:MOST_CANCELLED], client_of(request).name, timezone.now())
        return Response(
            {
                "cancelled": fates[Fate.GOES],
                "unknown": fates[Fate.RISKY],
                "too_late": fates[Fate.TOO_LATE],
                "has_more": len(ids) > MOST_CANCELLED,
            }
        )


def _own(request: Request, message_id: uuid.UUID) -> Message:
    """Of the client that asks. Raises Http404."""
    known = own_messages(request).select_related("version__template")
    message = known.filter(pk=message_id).first()
    if message is None:
        raise Http404
    return message


def _whole(message: Message) -> dict[str, Any]:
    return answers.whole(message, timeline(message), waiting(message, timezone.now()))


def idempotency_key(request: Request, longest: int = MAX_KEY_LENGTH) -> str | None:
    """Raises InvalidRequest."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 0 < len(key) <= longest:
        raise InvalidRequest(
            [
                Fault(
                    "",
                    "invalid_idempotency_key",
                    f"Idempotency-Key must have 1 to {longest} characters.",
                )
            ]
        )
    return key
