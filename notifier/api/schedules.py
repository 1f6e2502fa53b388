"""Recurring messages: a body of POST /messages, repeated by a cron expression in a time zone."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import msgspec
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404
from django.utils import timezone
from msgspec import UNSET, Meta, Struct, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.bodies import SendBody, checked, decoded
from notifier.api.callers import client_of, kept, key_of, origin_of, reached
from notifier.api.decoding import NO_NUL
from notifier.api.errors import InvalidRequest
from notifier.api.listing import page_by_number
from notifier.api.views import Endpoint, idempotency_key
from notifier.intake.dry_run import Foreseen, foresee
from notifier.intake.errors import Fault, KeyReused, Rejected
from notifier.models import Recipient, Schedule, Scope
from notifier.schedules.runs import NoCron, next_runs
from templates_app.models import MessageTemplate

MOST = 1000
"""Of one client: more is a campaign, or the service's own clock."""
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_NUL)]


class ScheduleBody(Struct, forbid_unknown_fields=True):
    """POST /schedules"""

    name: Name
    cron: Annotated[str, Meta(max_length=100)]
    message: SendBody
    zone: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    late: Literal["once", "skip", "all"] = "once"


_decode = msgspec.json.Decoder(ScheduleBody).decode


class Schedules(Endpoint):
    scopes = {"GET": Scope.READ, "POST": Scope.SEND}

    def get(self, request: Request) -> Response:
        page, then = page_by_number(request, _own(request))
        data = [_whole(row) for row in page]
        return Response({"data": data, "next": then, "has_more": then is not None})

    def post(self, request: Request) -> Response:
        """The message is checked as if it were sent now. With an Idempotency-Key the same request
        makes one."""
        body = decoded(_decode, request.body)
        key = kept(request, idempotency_key(request))
        digest = hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
        if earlier := _earlier(request, key, digest):
            return _repeated(earlier)
        try:
            with transaction.atomic():
                schedule = _made(request, body, idempotency_key=key, request_digest=digest)
        except IntegrityError:  # the same request at the same moment
            if earlier := _earlier(request, key, digest):
                return _repeated(earlier)
            raise
        return Response(_whole(schedule), status=201)


class OneSchedule(Endpoint):
    scopes = {"GET": Scope.READ, "DELETE": Scope.SEND}

    def get(self, request: Request, pk: int) -> Response:
        return Response(_whole(_found(request, pk)))

    def delete(self, request: Request, pk: int) -> Response:
        _found(request, pk).delete()
        return Response(status=204)


class Switch(Endpoint):
    """POST /schedules/{id}/pause and /resume: what was due meanwhile is not sent."""

    scopes = {"POST": Scope.SEND}
    is_on = False

    def post(self, request: Request, pk: int) -> Response:
        schedule = _found(request, pk)
        runs = next_runs(schedule.cron, schedule.zone, timezone.now(), 1)
        schedule.switch(self.is_on, runs[0])
        return Response(_whole(schedule))


def _made(request: Request, body: ScheduleBody, **values: Any) -> Schedule:
    """Raises Rejected, InvalidRequest."""
    zone = settings.TIME_ZONE if body.zone is UNSET else body.zone
    if zone not in available_timezones():
        raise _wrong("/zone", "No time zone such as Asia/Shanghai.")
    if body.message.send_at or body.message.expires_at or body.message.dry_run:
        text = "A recurring message has no send_at, expires_at or dry_run of its own."
        raise _wrong("/message", text)
    if _own(request).count() >= MOST:
        raise _wrong("", f"A client has at most {MOST}; delete some, or make a campaign.")
    try:
        first = next_runs(body.cron, zone, timezone.now(), 1)[0]
    except NoCron as error:
        raise _wrong("/cron", str(error)) from None
    foreseen = _foreseen(request, body.message)
    person = Recipient.objects.get(account_id=foreseen.template.account_id, openid=foreseen.openid)
    return Schedule.objects.create(
        client=client_of(request),
        account_id=foreseen.template.account_id,
        recipient=person,
        name=body.name,
        template=body.message.template,
        request=_kept(body.message),
        is_test=key_of(request).is_test,
        cron=body.cron,
        zone=zone,
        late=body.late,
        next_at=first,
        **values,
    )


def _foreseen(request: Request, message: SendBody) -> Foreseen:
    """Raises Rejected, InvalidRequest: a fault's pointer leads into the whole body."""
    try:
        return foresee(checked(message, request.body).request(), origin_of(request))
    except Rejected as rejected:
        raise Rejected(_within_message(rejected.faults)) from None
    except InvalidRequest as invalid:
        raise InvalidRequest(_within_message(invalid.faults), invalid.status) from None


def _within_message(faults: Sequence[Fault]) -> list[Fault]:
    return [replace(fault, pointer=f"/message{fault.pointer}") for fault in faults]


def _earlier(request: Request, key: str | None, digest: str) -> Schedule | None:
    """Raises KeyReused."""
    if key is None:
        return None
    rows = Schedule.objects.select_related("recipient")
    found = rows.filter(client=client_of(request), idempotency_key=key).first()
    if found and found.request_digest != digest:
        raise KeyReused
    return found


def _repeated(schedule: Schedule) -> Response:
    return Response(_whole(schedule), status=201, headers={"Idempotent-Replayed": "true"})


def _kept(message: SendBody) -> dict[str, Any]:
    """Without the address: the recipient's row has it."""
    names = ("data", "url", "miniprogram", "priority", "metadata")
    kept: dict[str, Any] = msgspec.to_builtins({name: getattr(message, name) for name in names})
    return kept


def _own(request: Request) -> QuerySet[Schedule]:
    key = key_of(request)
    rows = Schedule.objects.filter(client=client_of(request), is_test=key.is_test)
    codes = MessageTemplate.objects.filter(code=OuterRef("template")).values("pk")
    rows = rows.annotate(template_pk=Subquery(codes))
    return reached(key, rows.select_related("recipient"), "account", "template_pk")


def _found(request: Request, pk: int) -> Schedule:
    """Raises Http404."""
    schedule = _own(request).filter(pk=pk).first()
    if schedule is None:
        raise Http404
    return schedule


def _whole(schedule: Schedule) -> dict[str, Any]:
    begin = timezone.now()
    runs = next_runs(schedule.cron, schedule.zone, begin) if schedule.is_active else []
    return {
        "id": schedule.pk,
        "name": schedule.name,
        "cron": schedule.cron,
        "zone": schedule.zone,
        "late": schedule.late,
        "active": schedule.is_active,
        "message": {"template": schedule.template, "to": {"openid": schedule.recipient.openid}}
        | schedule.request,
        "next_runs": [run.isoformat() for run in runs],
        "last_run": schedule.last_at and schedule.last_at.isoformat(),
        "last_message": schedule.last_message and schedule.last_message.hex,
        "last_problem": schedule.last_problem or None,
    }


def _wrong(pointer: str, text: str) -> InvalidRequest:
    return InvalidRequest([Fault(pointer, "invalid_value", text)], status=422)
