"""The message log's filters: each is answered by an index, on ten million rows too."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter, TextFilter
from unfold.utils import parse_datetime_str

from notifier.admin.choosing import row_id
from notifier.models import Campaign, Message, MessageEvent
from notifier.models.ids import first_id_at
from notifier.models.messages import SLOW_CALL_MS
from templates_app.access import limited
from templates_app.models import MessageTemplate, TemplateVersion

Rows = QuerySet[Message]


class AcceptedFilter(admin.SimpleListFilter):
    """Ids are ordered by time, so a time is a range of the primary key."""

    title = _("accepted")
    parameter_name = "when"
    SPANS: dict[str, tuple[Any, Callable[[datetime], datetime]]] = {
        "hour": (_("the last hour"), lambda now: now - timedelta(hours=1)),
        "today": (
            _("today"),
            lambda now: timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0),
        ),
        "week": (_("the last 7 days"), lambda now: now - timedelta(days=7)),
        "month": (_("the last 30 days"), lambda now: now - timedelta(days=30)),
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, title) for name, (title, _begins) in self.SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        span = self.SPANS.get(self.value() or "")
        return queryset.filter(pk__gte=first_id_at(span[1](timezone.now()))) if span else queryset


class AcceptedBetween(RangeDateTimeFilter):
    """From and to, by the same index."""

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        for end, lookup in (("from", "pk__gte"), ("to", "pk__lt")):
            given = [self.used_parameters.get(f"created_at_{end}_{part}") for part in (0, 1)]
            if moment := parse_datetime_str(" ".join(str(part or "") for part in given).strip()):
                queryset = queryset.filter(**{lookup: first_id_at(timezone.make_aware(moment))})
        return queryset


class TemplateFilter(DropdownFilter):
    title = _("template")
    parameter_name = "template"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = limited(MessageTemplate.objects.order_by("name"), request.user)
        return [(code, f"{name} ({code})") for code, name in found.values_list("code", "name")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if not self.value():
            return queryset
        # As a list: of a sub-query PostgreSQL cannot tell that few of the rows are meant.
        versions = TemplateVersion.objects.filter(template__code=self.value())
        return queryset.filter(version__in=list(versions.values_list("pk", flat=True)))


class _FromElsewhere(admin.SimpleListFilter):
    """A link leads here; it shows only while it is used."""

    parameter_name: str
    model: type[Model]

    def has_output(self) -> bool:
        """Django drops a filter with nothing to choose from: of an id that names nothing every
        message would be shown, and “all that match” would mean them all."""
        return bool(self.value())

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        given = str(request.GET.get(self.parameter_name, ""))
        rows = self.model._default_manager.filter(pk=row_id(given))
        return [(given, str(row)) for row in limited(rows, request.user)]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        given = self.value()
        return queryset.filter(**{self.parameter_name: row_id(given)}) if given else queryset


class VersionFilter(_FromElsewhere):
    title = _("version")
    parameter_name = "version"
    model = TemplateVersion


class CampaignFilter(_FromElsewhere):
    title = _("campaign")
    parameter_name = "campaign"
    model = Campaign


class SlowFilter(admin.SimpleListFilter):
    """From an alert about slow calls to the messages that had them."""

    title = _("call of WeChat")
    parameter_name = "call"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, Any]]:
        return [("slow", _("3 seconds or more"))]

    def queryset(self, _request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() != "slow":
            return queryset
        slow = MessageEvent.objects.filter(duration_ms__gte=SLOW_CALL_MS)
        return queryset.filter(pk__in=slow.order_by().values("message"))


class ErrcodeFilter(TextFilter):
    title = "errcode"
    parameter_name = "errcode"

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        given = (self.value() or "").strip()
        if not given:
            return queryset
        try:
            return queryset.filter(errcode=int(given)).exclude(errcode=0)
        except ValueError:
            return queryset.none()
