"""The message log: read-only, searched by whole ids, never counted; a page for each message."""

import uuid
from contextlib import suppress
from typing import Any

import orjson
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from notifier import tracing
from notifier.admin.doctor import account_doctor
from notifier.admin.errcodes import errcode, errcodes
from notifier.admin.keyset import KeysetChangeList
from notifier.admin.log_filters import (
    AcceptedBetween,
    AcceptedFilter,
    CampaignFilter,
    ErrcodeFilter,
    SlowFilter,
    TemplateFilter,
    VersionFilter,
)
from notifier.admin.repair import REPAIRS, action, possible
from notifier.admin.rid import rid
from notifier.admin.sending import sending
from notifier.admin.test_send import test_send
from notifier.admin.webhook_words import told
from notifier.admin.words import lines, what_happened, what_to_do
from notifier.dispatch.waiting import waiting
from notifier.models import FallbackSend, GatewayMessage, Message, State, masked_openid
from notifier.models.gateways import message_of
from notifier.models.labels import labelled
from notifier.recipients.directory import people_of
from templates_app.admin.pages import PageAdmin, ReadOnlyAdmin
from templates_app.admin.reasons import reason_in_words
from templates_app.card import card_of

COLOURS: dict[str, str] = {
    State.QUEUED.value: "info",
    State.SENDING.value: "info",
    State.SENT.value: "primary",
    State.DELIVERED.value: "success",
    State.UNDELIVERED.value: "warning",
    State.FAILED.value: "danger",
    State.UNKNOWN.value: "danger",
    State.EXPIRED.value: "warning",
    State.CANCELLED.value: "",
}


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin, PageAdmin):
    list_display = (
        "accepted",
        "shown_state",
        "template",
        "person",
        "error",
        "priority",
        "sender",
    )
    list_display_links = ("accepted",)
    list_filter = (
        AcceptedFilter,
        "state",
        TemplateFilter,
        VersionFilter,
        CampaignFilter,
        ErrcodeFilter,
        SlowFilter,
        "account",
        "is_test",
        ("created_at", AcceptedBetween),
    )
    list_filter_submit = True
    list_select_related = ("version__template", "recipient", "client")
    list_per_page = 50
    empty_text = _(
        "No message yet. Services send through the API; “Send a test” sends the first one."
    )
    search_fields = ("id",)
    search_help_text = _(
        "Message id, WeChat's msgid, OpenID, your user id, phone or UnionID, whole; or an entry of "
        "the metadata: order_no=1"
    )
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    actions = tuple(action(name) for name in REPAIRS)
    list_before_template = "notifier/log_actions.html"
    change_form_template = "notifier/message.html"
    readonly_fields = ("api_id", "gateway_msgid", "reason_given", "trace_id")
    fields = (
        "api_id",
        "account",
        "version",
        "priority",
        "client",
        "requested_by",
        "created_at",
        "due_at",
        "expires_at",
        "attempts",
        "sent_at",
        "msgid",
        "gateway_msgid",
        "trace_id",
        "errcode",
        "reason_given",
        "rid",
        "receipt_status",
        "receipt_at",
        "metadata",
    )

    def get_urls(self) -> list[URLPattern]:
        pages = (
            ("test-send/", test_send, "message-test-send"),
            ("sending/", sending, "sending"),
            ("accounts/(?P<pk>[0-9]{1,9})/doctor/", account_doctor, "account-doctor"),
            ("errcodes/", errcodes, "errcodes"),
            (r"errcodes/(?P<code>-?[0-9]{1,9})/", errcode, "errcode"),
            ("(?P<message_id>[0-9a-f-]{36})/rid/", rid, "message-rid"),
        )
        return [
            *(
                re_path(f"^{address}$", self.admin_site.admin_view(view), name=name)
                for address, view, name in pages
            ),
            *super().get_urls(),
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def has_repair_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notifier.repair_message"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).defer("payload")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """Each kind of id has an index; nothing scans the table."""
        term = search_term.strip()
        return (_search(queryset, term) if term else queryset), False

    @admin.display(description=_("message id"))
    def api_id(self, message: Message) -> str:
        return message.id.hex

    @admin.display(description=_("trace"))
    def trace_id(self, message: Message) -> str:
        """W3C's, as the caller sent it or as our own tracing made it."""
        trace = tracing.Context(message.traceparent)
        if not trace.trace_id or trace.is_kept or not tracing.is_on():
            return trace.trace_id or "-"
        text = gettext("%(id)s (not kept: of it only calls that failed or were slow are traced)")
        return text % {"id": trace.trace_id}

    @admin.display(description=_("msgid at the gateway"))
    def gateway_msgid(self, message: Message) -> str:
        """What the service knows it by."""
        told = GatewayMessage.objects.filter(message=message).first()
        return str(told.msgid) if told else "-"

    @admin.display(description=_("accepted"))
    def accepted(self, message: Message) -> str:
        return formats.date_format(timezone.localtime(message.created_at), "m-d H:i:s")

    @admin.display(description="errcode")
    def error(self, message: Message) -> str:
        return str(message.errcode or "")

    @admin.display(description="errmsg")
    def reason_given(self, message: Message) -> str:
        return reason_in_words(message.errmsg) or "-"

    @display(description=_("state"), label=COLOURS)
    def shown_state(self, message: Message) -> tuple[str, str]:
        return message.state, message.get_state_display()

    @admin.display(description=_("template"))
    def template(self, message: Message) -> str:
        name = f"{message.version.template.name} v{message.version.number}"
        if not message.is_test:
            return name
        return format_html('{} <span class="hy-mark">{}</span>', name, gettext("test"))

    @admin.display(description=_("recipient"))
    def person(self, message: Message) -> str:
        return str(message.recipient)

    @admin.display(description=_("asked for by"))
    def sender(self, message: Message) -> str:
        return message.client.name if message.client else message.requested_by

    def page_context(self, request: HttpRequest, row: Message) -> dict[str, Any]:
        may_see = request.user.has_perm("notifier.view_webhookdelivery")
        return _page(row) | {
            "repairs": possible(row) if self.has_repair_permission(request) else [],
            "told": told(row) if may_see else [],
        }

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        titles = [(f"{name}_messages", repair.title_of_one) for name, repair in REPAIRS.items()]
        repairs = titles if self.has_repair_permission(request) else []
        return super().changelist_view(request, {**(extra_context or {}), "repairs": repairs})


def _search(queryset: QuerySet[Message], term: str) -> QuerySet[Message]:
    """What looks like an id of a message may be a user's: the first kind that is found counts."""
    key, is_entry, value = term.partition("=")
    if is_entry:
        return queryset.filter(labelled(key.strip(), value.strip()))
    found = queryset.none()
    with suppress(ValueError):
        found = queryset.filter(pk=uuid.UUID(term))
    if term.isdigit() and len(term) >= 15:
        told = message_of(term)
        found = queryset.filter(pk=told) if told else queryset.filter(msgid=term, msgid__gt="")
    if found.exists():
        return found
    return queryset.filter(recipient__in=people_of(term))


def _page(message: Message) -> dict[str, Any]:
    waits = waiting(message, timezone.now())
    fallback = FallbackSend.objects.filter(message=message).first()
    sent = orjson.loads(message.payload)
    values = {key: part["value"] for key, part in sent["data"].items()}
    link = sent.get("miniprogram", {}).get("appid") or sent.get("url", "")
    return {
        "title": _("Message"),
        "message_row": message,
        "colour": COLOURS[State(message.state)],
        "happened": what_happened(message, waits),
        "to_do": what_to_do(message, waits),
        "waits": waits,
        "cause": reason_in_words(waits.cause) if waits else "",
        "fallback": fallback,
        "fallback_detail": gettext(fallback.detail) if fallback and fallback.detail else "",
        "lines": lines(message),
        "card": card_of(message.version, values, link),
        "to": " · ".join(dict.fromkeys([str(message.recipient), masked_openid(message.openid)])),
    }
