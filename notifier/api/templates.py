"""What can be sent: templates with their variables and an example, previews, and figures."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import TruncDay
from django.http import Http404
from django.utils import timezone
from msgspec import Struct, json
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.answers import miniprogram
from notifier.api.bodies import decoded
from notifier.api.callers import key_of, reached
from notifier.api.listing import invalid, limit_of, moment_of
from notifier.api.views import Endpoint
from notifier.intake.accept import render_faults
from notifier.intake.errors import Rejected
from notifier.models import MessageCount, Scope
from notifier.models.counts import ANSWER, Span
from templates_app.card import card_of
from templates_app.compiled import published
from templates_app.fields import TYPES, field_type
from templates_app.models import MessageTemplate, TemplateField, TemplateVersion
from templates_app.patterns import parse_pattern

MOST_HOURS = timedelta(days=8)
MOST_DAYS = timedelta(days=367)


class Templates(Endpoint):
    """Those with a published version that the key may send, by code."""

    scopes = {"GET": Scope.READ}

    def get(self, request: Request) -> Response:
        limit = limit_of(request)
        after = request.query_params.get("after", "")
        if "\0" in after:
            raise invalid("after", "The `next` of an earlier page.")
        rows = list(_own(request).filter(code__gt=after)[: limit + 1])
        page = rows[:limit]
        then = page[-1].code if len(rows) > limit else None
        data = [_template(row) for row in page]
        return Response({"data": data, "next": then, "has_more": then is not None})


class OneTemplate(Endpoint):
    scopes = {"GET": Scope.READ}

    def get(self, request: Request, code: str) -> Response:
        return Response(_template(_found(request, code)))


class PreviewBody(Struct, forbid_unknown_fields=True):
    """POST /templates/{code}/preview"""

    data: dict[str, Any] = {}


_decode_preview = json.Decoder(PreviewBody).decode


class Preview(Endpoint):
    """The card that the data would make; the same 422 as sending, if they cannot be sent."""

    scopes = {"POST": Scope.READ}

    def post(self, request: Request, code: str) -> Response:
        version = _version(_found(request, code))
        body = decoded(_decode_preview, request.body)
        rendered = published(version.pk).render(body.data)
        if faults := render_faults(rendered):
            raise Rejected(faults)
        card = card_of(version, rendered.data)
        return Response(
            {
                "template": code,
                "template_version": version.number,
                "data": rendered.data,
                "card": {
                    "title": card.title,
                    "rows": [
                        {"label": row.label, "value": row.value}
                        for row in card.rows
                        if not row.hidden
                    ],
                },
                "url": rendered.url or None,
                "miniprogram": miniprogram(rendered.miniprogram),
            }
        )


class Counts(Endpoint):
    """How many messages of the template, all services together, got each status: by hour or day.

    From figures that are added up as it happens; tests are not among them.
    """

    scopes = {"GET": Scope.READ}

    def get(self, request: Request, code: str) -> Response:
        template = _found(request, code)
        query = request.query_params
        span = query.get("by", "hour")
        if span not in ("hour", "day"):
            raise invalid("by", "hour or day.")
        now = timezone.now()
        until = moment_of("until", query["until"]) if "until" in query else now
        usual = timedelta(days=1) if span == "hour" else timedelta(days=30)
        since = moment_of("since", query["since"]) if "since" in query else until - usual
        most = MOST_HOURS if span == "hour" else MOST_DAYS
        if not since < until <= since + most:
            raise invalid("since", f"It must lie before until, and at most {most.days} days.")
        return Response({"by": span, "data": _counts(template, span, since, until)})


def _counts(
    template: MessageTemplate, span: str, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    rows = MessageCount.objects.filter(
        span=Span.HOUR, template_id=template.pk, begins__gte=_hour(since), begins__lt=until
    )
    day = TruncDay("begins", tzinfo=timezone.get_default_timezone())
    sums = rows.annotate(at=day if span == "day" else F("begins"))
    found: dict[datetime, dict[str, Any]] = {}
    values = sums.order_by().values_list("at", "state", "errcode").annotate(Sum("count"))
    for at, state, errcode, count in values:
        counts = found.setdefault(at, {"statuses": {}, "errcodes": {}})
        kind, name = ("errcodes", str(errcode)) if state == ANSWER else ("statuses", state)
        counts[kind][name] = counts[kind].get(name, 0) + count
    return [{"begins": at.isoformat()} | found[at] for at in sorted(found)]


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _own(request: Request) -> QuerySet[MessageTemplate]:
    sendable = MessageTemplate.objects.exclude(published=None).order_by("code")
    templates = reached(key_of(request), sendable, "account", "pk")
    return templates.select_related("account", "published").prefetch_related("published__fields")


def _found(request: Request, code: str) -> MessageTemplate:
    """Raises Http404."""
    template = _own(request).filter(code=code).first()
    if template is None:
        raise Http404
    return template


def _version(template: MessageTemplate) -> TemplateVersion:
    assert template.published is not None  # noqa: S101 - `_own` has no other
    return template.published


def _template(template: MessageTemplate) -> dict[str, Any]:
    version = _version(template)
    fields = list(version.fields.all())
    example = _example(version, fields)
    return {
        "code": template.code,
        "name": template.name,
        "account": template.account.slug,
        "version": version.number,
        "held": template.held_because or None,
        "title": version.title,
        "fields": [_field(field) for field in fields],
        "variables": list(example),
        "example": {
            "template": template.code,
            "to": {"user": "sandbox-delivered"},
            "data": example,
        },
    }


def _field(field: TemplateField) -> dict[str, Any]:
    kind = field_type(field.key)
    known = TYPES.get(kind or "")
    return {
        "key": field.key,
        "label": field.label,
        "pattern": field.pattern,
        "type": kind,
        "limit": known.limit if known else None,
        "when_too_long": field.overflow,
        "values": field.enum_values or None,
        "sample": field.sample or None,
    }


def _example(version: TemplateVersion, fields: list[TemplateField]) -> dict[str, str]:
    """Each variable with a value: where a field is one variable alone, its sample."""
    compiled = published(version.pk)
    samples: dict[str, str] = {}
    for field in fields:
        pattern = parse_pattern(field.key, field.pattern)
        if len(pattern.names) == 1 and (value := _unfilled(pattern.format, field.sample)):
            samples.setdefault(pattern.names[0], value)
    return {name: samples.get(name, name) for name in compiled.variables}


def _unfilled(form: str, sample: str) -> str:
    """The variable's part of the sample; empty if the sample is made otherwise."""
    before, _mark, after = (part.replace("%%", "%") for part in form.partition("%s"))
    found = re.fullmatch(re.escape(before) + "(.+)" + re.escape(after), sample, re.DOTALL)
    return found[1] if found else ""
