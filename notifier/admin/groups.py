"""Groups of our own, and segments with their live count."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from notifier.admin.choosing import row_id
from notifier.models import Recipient, RecipientGroup, Segment
from notifier.recipients.attributes import NAME
from notifier.recipients.segments import people
from templates_app.admin.limited import LimitedAdmin


@admin.register(RecipientGroup)
class RecipientGroupAdmin(LimitedAdmin):
    list_display = ("name", "account", "members")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("name",)
    empty_text = _("No group yet. Imports make them from the column “groups”; or add one.")
    fields = ("account", "name")
    ordering = ("name",)
    list_before_template = "notifier/group_members.html"

    def get_urls(self) -> list[URLPattern]:
        count = self.admin_site.admin_view(self.count)
        return [path("members/", count, name="group-members"), *super().get_urls()]

    def count(self, request: HttpRequest) -> HttpResponse:
        """Of the groups `?id=…&id=…`: each count, to be put into its row of the list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ids = {row_id(one) for one in request.GET.getlist("id")} - {0}
        rows = Recipient.groups.through.objects.filter(recipientgroup__in=ids).order_by()
        counts = dict(rows.values_list("recipientgroup").annotate(Count("pk")))
        return HttpResponse(format_html_join("", _MEMBERS, _cells(ids, counts)))

    @admin.display(description=_("recipients"))
    def members(self, group: RecipientGroup) -> str:
        return format_html('<span id="members-{}">…</span>', group.pk)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("account",) if obj else ()


_MEMBERS = '<span id="members-{}" hx-swap-oob="true">{}</span>'


def _cells(ids: set[int], counts: dict[int, int]) -> Iterator[tuple[int, str]]:
    yield from ((pk, number_format(counts.get(pk, 0), force_grouping=True)) for pk in ids)


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        account = cleaned.get("account") or (self.instance.pk and self.instance.account)
        for name in ("group", "tag"):
            chosen = cleaned.get(name)
            if chosen and account and chosen.account_id != account.pk:
                self.add_error(name, _("It belongs to another account."))
        first, last = cleaned.get("followed_from"), cleaned.get("followed_to")
        if first and last and last < first:
            self.add_error("followed_to", _("It lies before the first day."))
        self._check_attribute(cleaned.get("attribute"), cleaned.get("attribute_value"))
        return cleaned

    def _check_attribute(self, name: str | None, value: str | None) -> None:
        if name and not NAME.fullmatch(name):
            self.add_error("attribute", _("No attribute can have this name."))
        if name and value == "":
            self.add_error("attribute_value", _("Enter the value, too."))
        if value and name == "":
            self.add_error("attribute", _("Enter the name of the attribute, too."))


UNFINISHED = {"name", "attribute", "attribute_value", "__all__"}
"""A form with these faults is counted without them: somebody is still writing."""


@admin.register(Segment)
class SegmentAdmin(LimitedAdmin):
    form = SegmentForm
    list_display = ("name", "account", "state", "group", "tag")
    list_filter = ("account",)
    list_select_related = ("account", "group", "tag")
    search_fields = ("name",)
    empty_text = _(
        "No segment yet. It is a saved question, such as: who follows, has an e-mail, is a member?"
    )
    fields = (
        "name",
        "account",
        "state",
        "group",
        "tag",
        ("followed_from", "followed_to"),
        "user_id",
        "email",
        "phone",
        ("attribute", "attribute_value"),
    )
    change_form_template = "notifier/segment.html"

    def get_urls(self) -> list[URLPattern]:
        count = self.admin_site.admin_view(self.count)
        return [path("count/", count, name="segment-count"), *super().get_urls()]

    def count(self, request: HttpRequest) -> HttpResponse:
        """How many fit the form as it stands, saved or not."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        pk = request.GET.get("segment", "")
        saved = self.get_queryset(request).filter(pk=row_id(pk)).first()
        form = self.get_form(request)(request.GET, instance=saved)
        form.fields["name"].required = False
        is_valid = form.is_valid() or set(form.errors) <= UNFINISHED
        found = people(form.instance).count() if is_valid and form.instance.account_id else None
        return render(request, "notifier/segment_count.html", {"count": found})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kw: Any) -> Any:
        segment = context.get("original")
        context["count_address"] = reverse("admin:segment-count")
        context["segment_pk"] = segment.pk if segment else ""
        # Of a group of a million it takes half a second: the page does not wait for it.
        context["counts_live"] = self.has_change_permission(request, segment)
        is_asked = segment and not context["counts_live"]
        context["count"] = people(segment).count() if is_asked else None
        return super().render_change_form(request, context, *args, **kw)
