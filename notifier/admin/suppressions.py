"""Who refuses which template, why, and how long it holds; deleting a row lifts it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from notifier.models import Suppression
from notifier.recipients.directory import people_of
from notifier.wechat.errors import lookup
from templates_app.admin.limited import LimitedAdmin


@admin.register(Suppression)
class SuppressionAdmin(LimitedAdmin):
    list_display = ("person", "template", "why", "since", "until", "in_force")
    list_display_links = ("person",)
    list_filter = ("template", "errcode")
    list_select_related = ("recipient", "template")
    search_fields = ("recipient__openid", "recipient__user_id")
    search_help_text = _("OpenID, your user id, phone or UnionID, whole")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = InfinitePaginator
    empty_text = _("Nobody refuses a template. Entries come by themselves when WeChat says so.")
    ordering = ("-id",)
    fields = ("recipient", "template", "why", "errcode", "since", "until")
    readonly_fields = ("recipient", "template", "why", "errcode", "since")

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(recipient__in=people_of(term)) if term else queryset), False

    @admin.display(description=_("recipient"))
    def person(self, row: Suppression) -> str:
        return str(row.recipient)

    @admin.display(description=_("reason"))
    def why(self, row: Suppression) -> str:
        if row.errcode is None:
            return "–"
        return f"{gettext(lookup(row.errcode).meaning)} ({row.errcode})"

    @display(description=_("state"), label={"force": "warning", "over": ""})
    def in_force(self, row: Suppression) -> tuple[str, str]:
        if row.until is None or row.until > timezone.now():
            return "force", gettext("not sent")
        return "over", gettext("expired")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
