"""Campaigns: write, check, approve, watch, stop."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from notifier.admin.campaign_form import form_for, inputs_of
from notifier.admin.campaign_page import BUTTONS, begins_in_words, cards, is_live, may, page
from notifier.admin.campaign_words import COLOURS
from notifier.admin.choosing import chosen_template, sendable_templates
from notifier.admin.uploads import name_of
from notifier.campaigns import states
from notifier.campaigns.files import files
from notifier.campaigns.forecast import forecast
from notifier.campaigns.preflight import HAS_ROWS
from notifier.campaigns.states import NotAllowed
from notifier.models import Audience, Campaign
from notifier.models.campaigns import EDITABLE
from notifier.recipients.imports.problems import in_words
from templates_app.admin.pages import PageAdmin
from templates_app.models import TemplateVersion

CHANGE, LIST = "admin:notifier_campaign_change", "admin:notifier_campaign_changelist"
SENDING = (
    ("send_at", "zone"),
    "priority",
    "pace",
    ("canary_percent", "canary_minutes"),
    ("most_failed", "most_refused", "most_blocked"),
)
AUDIENCE = ("audience", "segment", "group", "tag", "file")


@admin.register(Campaign)
class CampaignAdmin(PageAdmin):
    list_display = ("name", "shown_state", "template", "people", "sent", "begins", "created_by")
    list_filter = ("state", "account")
    list_select_related = ("account", "version__template")
    search_fields = ("name",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = InfinitePaginator
    ordering = ("-id",)
    sortable_by = ()
    actions = None
    change_form_template = add_form_template = "notifier/campaign.html"
    conditional_fields = {
        "segment": "audience == 'segment'",
        "group": "audience == 'group'",
        "tag": "audience == 'tag'",
        "file": "audience == 'upload'",
    }

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/errors/", wrap(self.errors), name="campaign-errors"),
            path("<int:pk>/do/<slug:name>/", wrap(self.do), name="campaign-do"),
            *super().get_urls(),
        ]

    @display(description=_("state"), label=COLOURS)
    def shown_state(self, row: Campaign) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @admin.display(description=_("template"))
    def template(self, row: Campaign) -> str:
        return row.version.template.name

    @admin.display(description=_("people"))
    def people(self, row: Campaign) -> str:
        return _grouped(row.ready or row.total)

    @admin.display(description=_("messages"))
    def sent(self, row: Campaign) -> str:
        return _grouped(sum(row.figures.values()))

    @admin.display(description=_("begins"))
    def begins(self, row: Campaign) -> str:
        return begins_in_words(row)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("account__app_secret")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if self._chosen(request) is None:
            if not self.has_add_permission(request):
                raise PermissionDenied
            context = {
                **self.admin_site.each_context(request),
                "title": _("New campaign"),
                "templates": sendable_templates(request),
            }
            return render(request, "notifier/campaign_template.html", context)
        return super().add_view(request, form_url, extra_context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        row = self.get_object(request, object_id)
        if row and "HX-Request" in request.headers and not is_live(row):
            return HttpResponse(headers={"HX-Refresh": "true"})  # the last time: the whole page
        return super().change_view(request, object_id, *args, **kw)

    def page_context(self, request: HttpRequest, row: Campaign) -> dict[str, Any]:
        # A form that was refused stands alone: its errors come first, no button beside them is for
        # what was not saved, and no poll takes away what was entered.
        return {} if request.method == "POST" else page(request, row)

    def _chosen(self, request: HttpRequest) -> TemplateVersion | None:
        """The version that the new campaign's template sends now."""
        template = chosen_template(request)
        return template.published if template else None

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        version = obj.version if obj else self._chosen(request)
        if version and self.has_change_permission(request, obj):
            kwargs["form"] = form_for(version, request.user.get_username())
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        version = obj.version if obj else self._chosen(request)
        if version is None or not self.has_change_permission(request, obj):
            return []
        values = list(inputs_of(version))
        return [
            (None, {"fields": ("name",)}),
            *([(_("Values for everybody"), {"fields": values})] if values else []),
            (_("To whom"), {"fields": AUDIENCE}),
            (_("When and how"), {"fields": SENDING}),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # While somebody writes it may have moved on: the form says so, and keeps what they wrote.
        is_open = obj is None or obj.state in EDITABLE or request.method == "POST"
        return is_open and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        by = request.user.get_username()
        obj.data = form.values()
        file = form.cleaned_data.get("file")
        if file:
            obj.upload_name = name_of(file)
            vars(obj).update(HAS_ROWS)
        elif obj.audience != Audience.UPLOAD:
            obj.upload_name = ""
        if change:
            names = [name for name in form.cleaned_data if name in _COLUMNS]
            obj.save(update_fields=[*names, "data", "upload_name", *HAS_ROWS])
        else:
            obj.version, obj.account_id = form.version, form.version.template.account_id
            obj.created_by, obj.editors = by, [by]
            obj.save()
        if file:
            files.keep(obj.pk, file.chunks())
        elif obj.audience != Audience.UPLOAD:
            transaction.on_commit(lambda: files.delete(obj.pk))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        return self._saved(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        return self._saved(request, obj)

    def _saved(self, request: HttpRequest, obj: Campaign) -> HttpResponse:
        if "_check" in request.POST:
            states.check(obj.pk, request.user.get_username())
        else:
            messages.success(request, gettext("Saved as a draft."))
        return redirect(CHANGE, obj.pk)

    def do(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """GET asks, in numbers; POST does it."""
        campaign = self.get_queryset(request).filter(pk=pk).first()
        button = BUTTONS.get(name)
        if campaign is None or button is None:
            raise Http404
        if not may(request, button):
            raise PermissionDenied
        if request.method == "POST":
            try:
                with transaction.atomic():
                    seen = {"checked_at": _check_seen(request)} if button.decides else {}
                    button.act(pk, request.user.get_username(), **seen)
                    self.log_change(request, campaign, name)
            except NotAllowed as error:
                messages.error(request, in_words(error.text, error.params))
            return redirect(CHANGE, pk)
        if not button.asks or campaign.state not in button.states:
            return redirect(CHANGE, pk)
        context = {
            **self.admin_site.each_context(request),
            "title": button.title,
            "campaign": campaign,
            "name": name,
            "button": button,
            "begins": begins_in_words(campaign),
            "cause": in_words(*campaign.reason) if campaign.reason else "",
            "left_out": campaign.total - campaign.ready,
            "cards": cards(campaign) if button.decides else [],
            "needs_approval": states.needs_approval(campaign),
            "forecast": forecast(campaign, timezone.now()),
            "back": reverse(CHANGE, args=[pk]),
        }
        return render(request, "notifier/campaign_ask.html", context)

    def errors(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The rows with errors as they were uploaded, so for those who may upload."""
        campaign = self.get_queryset(request).filter(pk=pk).first()
        if not request.user.has_perm("notifier.change_campaign"):
            raise PermissionDenied
        is_upload = campaign is not None and campaign.audience == Audience.UPLOAD
        if not is_upload or not files.errors(pk).exists():
            raise Http404
        file = files.errors(pk).open("rb")
        return FileResponse(file, as_attachment=True, filename=f"campaign-{pk}-errors.csv")


def _check_seen(request: HttpRequest) -> datetime:
    """Raises NotAllowed: nobody can tell what was seen."""
    with suppress(ValueError):
        if seen := parse_datetime(request.POST.get("checked_at", "")):
            return seen
    raise NotAllowed(states.CHANGED)


def _grouped(count: int) -> str:
    return number_format(count, force_grouping=True) if count else "–"


_COLUMNS = {field.name for field in Campaign._meta.concrete_fields}
