"""The audit trail: who did what, when, and how it was before. It can only be read and exported."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, re_path, reverse
from django.utils import formats, timezone
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from notifier.admin.audit_export import KINDS, exported
from notifier.admin.audit_filters import ActionFilter, DaysFilter, KindFilter, TypeFilter, WhoFilter
from notifier.admin.audit_words import (
    COLOURS,
    action_in_words,
    fields_in_words,
    kind_in_words,
    lines,
    type_in_words,
)
from notifier.admin.keyset import KeysetChangeList
from notifier.audit.chain import digest
from notifier.audit.record import record
from notifier.models import Action, ActorKind, AuditEntry
from templates_app.admin.pages import PageAdmin, ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin, PageAdmin):
    list_display = ("when", "who", "did", "thing", "changed_fields", "address")
    list_display_links = ("when",)
    list_filter = (WhoFilter, ActionFilter, TypeFilter, KindFilter, ("day", DaysFilter))
    list_filter_submit = True
    list_per_page = 50
    empty_text = _("Nothing was recorded yet.")
    search_fields = ("actor",)
    search_help_text = _("Who, or a request id, whole; or part of the object's name")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-day", "-number")
    sortable_by = ()
    actions = None
    list_before_template = "notifier/audit_export.html"
    change_form_template = "notifier/audit_entry.html"
    readonly_fields = ("place",)
    fields = ("place", "request_id", "previous", "hash")

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export)
        kinds = "|".join(KINDS)
        return [
            re_path(rf"^export/(?P<kind>{kinds})/$", export, name="notifier_auditentry_export"),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEntry], search_term: str
    ) -> tuple[QuerySet[AuditEntry], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = queryset.filter(Q(actor=term) | Q(request_id=term))
        return (found if found.exists() else queryset.filter(object_name__icontains=term)), False

    @admin.display(description=_("time"))
    def when(self, entry: AuditEntry) -> str:
        return formats.date_format(timezone.localtime(entry.at), "Y-m-d H:i:s")

    @admin.display(description=_("who"))
    def who(self, entry: AuditEntry) -> str:
        return _who(entry)

    @display(description=_("action"), label=COLOURS)
    def did(self, entry: AuditEntry) -> tuple[str, str]:
        return entry.action, action_in_words(entry.action)

    @admin.display(description=_("object"))
    def thing(self, entry: AuditEntry) -> str:
        return _thing(entry)

    @admin.display(description=_("what changed"))
    def changed_fields(self, entry: AuditEntry) -> str:
        return fields_in_words(entry)

    @admin.display(description=_("place in the chain"))
    def place(self, entry: AuditEntry) -> str:
        return gettext("row %(number)d of %(day)s") % {"number": entry.number, "day": entry.day}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def page_context(self, request: HttpRequest, row: AuditEntry) -> dict[str, Any]:
        return _page(request, row)

    def export(self, request: HttpRequest, kind: str) -> HttpResponseBase:
        """The rows that the list shows with the same filters, and that were there before the
        export, which is recorded first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect("admin:notifier_auditentry_changelist")
        filters = {name: value for name, value in request.GET.items() if value}
        entry = record(
            Action.EXPORT,
            object_type=AuditEntry._meta.label_lower,
            after={"format": kind, "filters": filters},
        )
        return exported(shown.get_queryset(request).filter(pk__lt=entry.pk), kind)


def _who(entry: AuditEntry) -> str:
    if entry.actor_kind == ActorKind.USER:
        return entry.actor
    kind = kind_in_words(entry.actor_kind)
    return f"{entry.actor} · {kind}" if entry.actor else kind


def _thing(entry: AuditEntry) -> str:
    if not entry.object_type:
        return entry.object_name
    return " · ".join(filter(None, [type_in_words(entry.object_type), entry.object_name]))


def _page(request: HttpRequest, entry: AuditEntry) -> dict[str, Any]:
    same = {"object_type": entry.object_type, "object_id": entry.object_id}
    return {
        "title": _("Audit entry"),
        "entry": entry,
        "who": _who(entry),
        "did": action_in_words(entry.action),
        "thing": _thing(entry),
        "lines": lines(entry),
        "has_before": entry.before != "{}",
        "has_after": entry.after != "{}",
        "is_intact": digest(entry) == entry.hash,
        "object_page": _object_page(request, entry),
        "same_object": f"?{urlencode(same)}" if entry.object_id else "",
        "same_request": f"?{urlencode({'q': entry.request_id})}" if entry.request_id else "",
    }


def _object_page(request: HttpRequest, entry: AuditEntry) -> str:
    """The address of what it is about, if it has a page, is still there, and may be seen."""
    app, _dot, model = entry.object_type.partition(".")
    try:
        address = reverse(f"admin:{app}_{model}_change", args=[entry.object_id])
    except NoReverseMatch:
        return ""
    owner = next(one for one in admin.site._registry if one._meta.label_lower == entry.object_type)
    page = admin.site.get_model_admin(owner)
    row = page.get_object(request, entry.object_id) if entry.object_id else None
    return address if row and page.has_view_permission(request, row) else ""
