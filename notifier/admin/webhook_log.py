"""The log of deliveries: what each endpoint was told, and what it answered."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.utils import parse_datetime_str

from notifier.admin.keyset import KeysetChangeList
from notifier.admin.webhook_words import COLOURS, attempts, last_problem, what_happens
from notifier.audit.record import record
from notifier.models import Action, ClientEvent, EventType, WebhookDelivery, WebhookEndpoint
from notifier.models.events import first_event_at
from notifier.webhooks.replay import replay
from templates_app.access import accounts_of
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.pages import PageAdmin, ReadOnlyAdmin

Rows = QuerySet[WebhookDelivery]
LIMIT = 10_000
NEAR = timedelta(minutes=1)
_EVENT_ID = re.compile(r"evt_([0-9a-f]{32})")


class EndpointFilter(DropdownFilter):
    title = _("webhook endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = WebhookEndpoint.objects.select_related("client")
        if accounts_of(request.user) is not None:  # endpoints reach over all accounts
            rows = rows.none()
        return [(row.pk.hex, str(row)) for row in rows]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if not self.value():
            return queryset
        try:
            return queryset.filter(endpoint=uuid.UUID(str(self.value())))
        except ValueError:
            return queryset.none()


class TypeFilter(DropdownFilter):
    title = _("event")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(EventType.choices)

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        return queryset.filter(event__type=self.value()) if self.value() else queryset


class HappenedBetween(RangeDateTimeFilter):
    """Of the event: a time is a range of the events' ids."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = _("time")

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        for end, lookup in (("from", "event__gte"), ("to", "event__lt")):
            name = f"{self.parameter_name}_{end}"
            given = [self.used_parameters.get(f"{name}_{part}") for part in (0, 1)]
            if moment := parse_datetime_str(" ".join(str(part or "") for part in given).strip()):
                queryset = queryset.filter(**{lookup: first_event_at(timezone.make_aware(moment))})
        return queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin, PageAdmin):
    list_display = ("when", "event_type", "to", "shown_outcome", "tries", "problem")
    list_display_links = ("when",)
    list_filter = ("outcome", EndpointFilter, TypeFilter, ("finished_at", HappenedBetween))
    list_filter_submit = True
    list_select_related = ("event", "endpoint__client")
    list_per_page = 50
    empty_text = _("Nothing was posted yet. Endpoints are added under “Webhook endpoints”.")
    search_fields = ("id",)
    search_help_text = _("Event id (evt_…) or message id, whole")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    actions = ("replay_chosen",)
    actions_detail = ("send_again",)
    change_form_template = "notifier/webhook_delivery.html"
    readonly_fields = ("public_event_id", "message", "to")
    fields = ("public_event_id", "to", "message")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: Rows, search_term: str
    ) -> tuple[Rows, bool]:
        term = search_term.strip()
        return (_search(queryset, term) if term else queryset), False

    @admin.display(description=_("time"))
    def when(self, delivery: WebhookDelivery) -> str:
        return formats.date_format(timezone.localtime(delivery.event.created_at), "m-d H:i:s")

    @admin.display(description=_("event"))
    def event_type(self, delivery: WebhookDelivery) -> str:
        return str(delivery.event.get_type_display())

    @admin.display(description=_("webhook endpoint"))
    def to(self, delivery: WebhookDelivery) -> str:
        return str(delivery.endpoint)

    @display(description=_("outcome"), label=COLOURS)
    def shown_outcome(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.outcome, delivery.get_outcome_display()

    @admin.display(description=_("answer"))
    def problem(self, delivery: WebhookDelivery) -> str:
        return last_problem(delivery) or "–"

    @admin.display(description=_("event id"))
    def public_event_id(self, delivery: WebhookDelivery) -> str:
        return delivery.event.public_id

    @admin.display(description=_("message id"))
    def message(self, delivery: WebhookDelivery) -> str:
        message_id = delivery.event.message_id
        return message_id.hex if message_id else "–"

    def page_context(self, request: HttpRequest, row: WebhookDelivery) -> dict[str, Any]:
        return {
            "title": _("Webhook delivery"),
            "delivery": row,
            "colour": COLOURS[row.outcome],
            "happens": what_happens(row),
            "attempts": attempts(row),
            "message_id": row.event.message_id,
        }

    @admin.action(description=_("Send again"), permissions=["replay"])
    def replay_chosen(self, request: HttpRequest, queryset: Rows) -> None:
        ids = list(queryset.order_by("-pk").values_list("pk", flat=True)[:LIMIT])
        count = replay(ids)
        self._record(count)
        text = gettext("Events that are sent again: %(count)d.") % {"count": count}
        if count < len(ids):
            text += " " + gettext("The others wait for an attempt anyhow.")
        self.message_user(request, text, messages.SUCCESS)

    @action(
        description=_("Send again"),
        url_path="send-again",
        icon="replay",
        permissions=["replay"],
        dialog=confirm(
            _("Send it again?"), _("Under the id that it had: a service that has it can tell.")
        ),
    )
    def send_again(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        delivery = found(self, request, object_id)
        count = replay([delivery.pk])
        self._record(count, delivery)
        text = gettext("It is sent again.") if count else gettext("It waits for an attempt anyhow.")
        self.message_user(request, text, messages.SUCCESS)
        return leave_dialog("admin:notifier_webhookdelivery_change", delivery.pk)

    def _record(self, count: int, delivery: WebhookDelivery | None = None) -> None:
        record(
            Action.REPLAY,
            object_type=WebhookDelivery._meta.label_lower,
            object_id=delivery.pk if delivery else "",
            object_name=str(delivery or ""),
            after={"rows": count},
        )

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(
            ["notifier.replay_webhookdelivery", "notifier.view_webhookdelivery"]
        )


def _search(queryset: Rows, term: str) -> Rows:
    try:
        if known := _EVENT_ID.fullmatch(term):
            return queryset.filter(event__in=_with_uid(uuid.UUID(known[1])))
        return queryset.filter(event__message=uuid.UUID(term))
    except (ValueError, OverflowError):
        return queryset.none()


def _with_uid(uid: uuid.UUID) -> QuerySet[ClientEvent]:
    """Its first 48 bits are its time (`new_message_id`), and a time is a range of ids."""
    made = datetime.fromtimestamp((uid.int >> 80) / 1000, UTC)
    near = (first_event_at(made - NEAR), first_event_at(made + NEAR))
    return ClientEvent.objects.filter(pk__range=near, uid=uid)
