"""Filters of messages: of a query, for a page by cursor; and of a body, to cancel what waits."""

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from notifier.api.bodies import EARLIEST, LATEST
from notifier.api.errors import InvalidRequest
from notifier.intake.errors import Fault
from notifier.models import Message, State
from notifier.models.ids import first_id_at
from notifier.models.labels import VALUE_LENGTH, labelled
from notifier.recipients.directory import Address, people_named
from templates_app.models import TemplateVersion

USUAL, MOST = 50, 200
MOST_LABELS = 5
METADATA = re.compile(r"metadata\[([^\x00\]]{1,64})\]")


class _Wrong(Exception):
    """What is wrong with a parameter's value."""


def page_of(request: Request, messages: QuerySet[Message]) -> dict[str, Any]:
    """{"rows": the page's messages, "next": a cursor or None}: newest first. A page begins after a
    row, so rows that arrive meanwhile move nothing. Raises InvalidRequest."""
    query = request.query_params
    for name in query:
        if len(query.getlist(name)) > 1:
            raise invalid(name, "It stands twice. Several statuses are set apart by commas.")
    limit = limit_of(request)
    given = {name: query[name] for name in query if name != "limit"}
    rows = list(filtered(messages, given).order_by("-id")[: limit + 1])
    has_more = len(rows) > limit
    rows = rows[:limit]
    return {"rows": rows, "next": rows[-1].pk.hex if has_more else None}


def page_by_number(request: Request, rows: QuerySet[Any]) -> tuple[list[Any], str | None]:
    """The page's rows, and the next one's cursor: of rows with numbers, newest first. Raises
    InvalidRequest."""
    limit, after = limit_of(request), request.query_params.get("after", "")
    if after:
        if not re.fullmatch(r"[0-9]{1,18}", after, re.ASCII):
            raise invalid("after", "The `next` of an earlier page.")
        rows = rows.filter(pk__lt=int(after))
    found = list(rows.order_by("-pk")[: limit + 1])
    return found[:limit], str(found[limit - 1].pk) if len(found) > limit else None


def filtered(messages: QuerySet[Message], given: Mapping[str, Any]) -> QuerySet[Message]:
    """Those for which all of it holds. Raises InvalidRequest."""
    for condition in _conditions(given):
        messages = messages.filter(condition)
    return messages


def limit_of(request: Request) -> int:
    """Rows of a page. Raises InvalidRequest."""
    text = request.query_params.get("limit", str(USUAL))
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 0 < int(text) <= MOST:
        raise invalid("limit", f"A number from 1 to {MOST}.")
    return int(text)


def _conditions(given: Mapping[str, Any]) -> Iterator[Any]:
    labels = 0
    for name, value in given.items():
        if not isinstance(value, str) or "\0" in value or len(value) > 255:
            raise invalid(name, "A text of at most 255 characters, without NUL.")
        if label := METADATA.fullmatch(name):
            labels += 1
            if labels > MOST_LABELS:
                raise invalid(name, f"At most {MOST_LABELS} entries of the metadata.")
            if len(value) > VALUE_LENGTH:  # else nothing would be found, or cancelled
                raise invalid(name, f"Values of up to {VALUE_LENGTH} characters are searchable.")
            yield labelled(label[1], value)
        elif name in FILTERS:
            try:
                yield FILTERS[name](value)
            except _Wrong as error:
                raise invalid(name, str(error)) from None
        else:
            known = ", ".join([*FILTERS, "metadata[…]"])
            text = f"There is no such filter; there are {known}."
            raise invalid(name, text, "unknown_filter")


def invalid(name: str, text: str, code: str = "invalid_parameter") -> InvalidRequest:
    return InvalidRequest([Fault(f"/{name}", code, f"{name}: {text}")], status=422)


def _status(value: str) -> Q:
    states = value.split(",")
    if unknown := sorted(set(states) - set(State.values)):
        raise _Wrong(f"There is no status {unknown[0]!r}; there are {', '.join(State.values)}.")
    return Q(state__in=states)


def _errcode(value: str) -> Q:
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise _Wrong("A whole number, as WeChat's errcode is.")
    if int(value) == 0:
        raise _Wrong("0 is no error.")
    return Q(errcode=int(value))


def _person(**address: str) -> Q:
    return Q(recipient__in=people_named(Address(**address)))


def _versions(code: str) -> list[int]:
    """Looked up before: through a join the database cannot tell a rare template from a common one,
    and reads all of a client's messages to find a page."""
    rows = TemplateVersion.objects.filter(template__code=code)
    return list(rows.values_list("pk", flat=True))


def _since(value: str) -> Q:
    return Q(pk__gte=first_id_at(_moment(value)))


def _until(value: str) -> Q:
    return Q(pk__lt=first_id_at(_moment(value)))


def moment_of(name: str, value: str) -> datetime:
    """Of a parameter. Raises InvalidRequest."""
    try:
        return _moment(value)
    except _Wrong as error:
        raise invalid(name, str(error)) from None


def _moment(value: str) -> datetime:
    try:
        moment = parse_datetime(value.replace(" ", "+"))  # a plus that was not encoded
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not EARLIEST <= moment <= LATEST:
        raise _Wrong("ISO 8601 with a zone, such as 2026-11-24T10:30:00+08:00.")
    return moment.astimezone(UTC)


def _after(value: str) -> Q:
    try:
        return Q(pk__lt=uuid.UUID(value))
    except ValueError:
        raise _Wrong("The `next` of an earlier page.") from None


FILTERS: Mapping[str, Callable[[str], Any]] = {
    "status": _status,
    "template": lambda value: Q(version__in=_versions(value)),
    "user": lambda value: _person(user=value),
    "openid": lambda value: _person(openid=value),
    "errcode": _errcode,
    "since": _since,
    "until": _until,
    "after": _after,
}
