"""GET /events: the client's changes as a stream that is pulled, for services without an address of
their own that could be told."""

import re
from typing import Any

from django.db.models import Max, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.callers import client_of, key_of, reached
from notifier.api.errors import InvalidRequest, problem
from notifier.api.views import Endpoint
from notifier.intake.errors import Fault
from notifier.models import ClientEvent, EventLog, EventType, Scope
from notifier.webhooks.payload import body_of, whole

MOST, USUAL = 1000, 100
CURSOR = re.compile(r"[0-9]{1,18}")


class Events(Endpoint):
    """Oldest first. `after`: the `next` of the answer before; without it from the oldest kept."""

    scopes = {"GET": Scope.READ}

    def get(self, request: Request) -> Any:
        if unknown := sorted(set(request.query_params) - {"after", "limit"}):
            text = f"There is no parameter {unknown[0]!r}; there are after and limit."
            raise InvalidRequest([Fault(f"/{unknown[0]}", "unknown_filter", text)], status=422)
        after, limit = read_cursor(request), read_limit(request)
        # Before the rows are read: what is committed meanwhile has a higher id.
        newest = ClientEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
        own = _own(request).filter(pk__lte=newest)
        rows = list(
            whole(own.exclude(type=EventType.PING).filter(pk__gt=after or 0)).order_by("pk")[
                : limit + 1
            ]
        )
        # After the rows: what was pruned while they were read is noticed, too.
        pruned = EventLog.objects.values_list("pruned_through", flat=True).first() or 0
        if after is not None and after < pruned:
            return gone()
        has_more = len(rows) > limit
        rows = rows[:limit]
        # A page that is not full leads behind all there is, so that who keeps asking never falls
        # behind what is kept, however rarely something happens to its messages.
        then = rows[-1].pk if has_more else max(newest, pruned, after or 0)
        data = [body_of(row) for row in rows]
        return Response({"data": data, "next": str(then), "has_more": has_more})


def _own(request: Request) -> QuerySet[ClientEvent]:
    """As far as the key reaches: a test key sees the sandbox alone."""
    key = key_of(request)
    own = ClientEvent.objects.filter(client=client_of(request))
    if key.is_test:
        own = own.filter(message__is_test=True)
    return reached(key, own, "message__account", "message__version__template")


def gone() -> Any:
    return problem(
        410,
        "cursor-expired",
        "The events after this cursor are no longer kept.",
        "Some may be missed. Ask without after for the oldest that are kept, and look up the "
        "messages that you still wait for: GET /api/v1/messages/{id}.",
    )


def read_limit(request: Request) -> int:
    """Raises InvalidRequest."""
    given = request.query_params.get("limit", str(USUAL))
    if not re.fullmatch("[0-9]{1,4}", given) or not 1 <= int(given) <= MOST:
        text = f"limit is a whole number from 1 to {MOST}."
        raise InvalidRequest([Fault("/limit", "invalid_value", text)], status=422)
    return int(given)


def read_cursor(request: Request) -> int | None:
    """Raises InvalidRequest."""
    given = request.query_params.get("after")
    if given is None:
        return None
    if not CURSOR.fullmatch(given):
        text = "after is the value of next in an earlier answer, as it was given."
        raise InvalidRequest([Fault("/after", "invalid_value", text)], status=422)
    return int(given)
