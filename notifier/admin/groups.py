"""Groups of our own, and segments with their live count."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from notifier.models import RecipientGroup, Segment
from notifier.recipients.segments import people
from templates_app.admin.limited import LimitedAdmin


@admin.register(RecipientGroup)
class RecipientGroupAdmin(LimitedAdmin):
    list_display = ("name", "account", "members")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("name",)
    fields = ("account", "name")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(count=Count("recipients"))

    @admin.display(description=_("recipients"))
    def members(self, group: RecipientGroup) -> int:
        return int(group.count)  # type: ignore[attr-defined]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("account",) if obj else ()


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
        return cleaned


@admin.register(Segment)
class SegmentAdmin(LimitedAdmin):
    form = SegmentForm
    list_display = ("name", "account", "state", "group", "tag")
    list_filter = ("account",)
    list_select_related = ("account", "group", "tag")
    search_fields = ("name",)
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
        saved = self.get_queryset(request).filter(pk=int(pk) if pk.isdecimal() else 0).first()
        form = self.get_form(request)(request.GET, instance=saved)
        form.fields["name"].required = False
        is_valid = form.is_valid() or set(form.errors) <= {"name", "__all__"}
        found = people(form.instance).count() if is_valid and form.instance.account_id else None
        return render(request, "notifier/segment_count.html", {"count": found})

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kw: Any) -> Any:
        segment = context.get("original")
        context["count_address"] = reverse("admin:segment-count")
        context["segment_pk"] = segment.pk if segment else ""
        context["count"] = people(segment).count() if segment else None
        return super().render_change_form(request, context, *args, **kw)
