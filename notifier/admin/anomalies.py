"""What is unusual: the list with the forecasts above it, a page for each, and silences."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from notifier.admin.anomaly_words import COLOURS, forecasts, page_of, stands
from notifier.anomalies.words import in_words
from notifier.models import Anomaly, AnomalyState, Silence
from templates_app.access import accounts_of, limited
from templates_app.admin.dialogs import found, leave_dialog
from templates_app.admin.limited import LimitedAdmin
from templates_app.admin.pages import PageAdmin, ReadOnlyAdmin

SILENT_HOURS = {
    1: _("an hour"),
    8: _("8 hours"),
    24: _("a day"),
    24 * 7: _("a week"),
    24 * 30: _("30 days"),
}


def open_anomalies(request: HttpRequest) -> int:
    """The badge of the menu; one that somebody has silenced needs nobody."""
    rows = Anomaly.objects.filter(state=AnomalyState.OPEN, is_silenced=False)
    return limited(rows, request.user).count()


class SilenceForm(BaseDialogForm):
    hours = forms.TypedChoiceField(
        label=_("For"),
        choices=list(SILENT_HOURS.items()),
        coerce=int,
        initial=8,
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=True, widget=UnfoldAdminTextInputWidget
    )


class StateFilter(admin.SimpleListFilter):
    """Without what is only suspected: it is never shown."""

    title, parameter_name = _("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(one.value, one.label) for one in (AnomalyState.OPEN, AnomalyState.ENDED)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


@admin.register(Anomaly)
class AnomalyAdmin(ReadOnlyAdmin, PageAdmin):
    list_display = ("whom", "words", "stands", "begun_at", "ended_at")
    list_display_links = ("whom",)
    list_filter = (StateFilter, "measure", "account")
    list_select_related = ("account", "template")
    list_per_page = 50
    list_before_template = "notifier/anomalies.html"
    change_form_template = "notifier/anomaly.html"
    empty_text = _("Nothing is unusual. What is found appears here by itself.")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    actions_detail = ("silence",)
    fields = ("account", "template", "measure", "begun_at", "seen_at", "ended_at", "told_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A suspicion is nobody's business yet."""
        return super().get_queryset(request).exclude(state=AnomalyState.PENDING)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"forecasts": forecasts(request)}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    @admin.display(description=_("account, template"))
    def whom(self, row: Anomaly) -> str:
        if row.template:
            return f"{row.account.name} · {row.template.name}"
        if row.templates:
            count = gettext("%(count)d templates") % {"count": len(row.templates)}
            return f"{row.account.name} · {count}"
        return str(row.account.name)

    @admin.display(description=_("what is seen"))
    def words(self, row: Anomaly) -> str:
        return in_words(row)

    @display(description=_("state"), label=dict(zip(COLOURS, COLOURS, strict=True)))
    def stands(self, row: Anomaly) -> tuple[str, str]:
        return stands(row)

    def page_context(self, request: HttpRequest, row: Anomaly) -> dict[str, Any]:
        return {"title": _("Anomaly"), **page_of(row)}

    @action(
        description=_("Silence"),
        url_path="silence",
        icon="notifications_off",
        permissions=["silence"],
        dialog=ActionDialog(
            title=_("Tell nobody for a while?"),
            description=_(
                "What is unusual about the same account, template and measure is recorded and "
                "shown, but no e-mail and no event tells of it. If it still goes on afterwards, "
                "it is told then."
            ),
            form_class=SilenceForm,
            form_submit_text=_("Silence"),
        ),
    )
    def silence(self, request: HttpRequest, form: SilenceForm, object_id: str) -> HttpResponse:
        row = found(self, request, object_id)
        Silence.objects.create(
            account=row.account,
            template=row.template,
            measure=row.measure,
            until=timezone.now() + timedelta(hours=form.cleaned_data["hours"]),
            reason=form.cleaned_data["reason"],
            created_by=request.user.get_username(),
        )
        Anomaly.objects.filter(pk=row.pk).update(is_silenced=True)
        self.message_user(request, gettext("Nobody is told of it."), messages.SUCCESS)
        return leave_dialog("admin:notifier_anomaly_change", object_id)

    def has_silence_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Of one that goes on."""
        if not request.user.has_perms(["notifier.add_silence", "notifier.view_anomaly"]):
            return False
        row = self.get_object(request, object_id) if object_id else None
        return row is None or (row.state == AnomalyState.OPEN and not row.is_silenced)


@admin.register(Silence)
class SilenceAdmin(LimitedAdmin):
    list_display = ("account", "template", "what", "in_force", "until", "reason", "created_by")
    list_display_links = ("account", "template", "what")
    list_filter = ("account", "measure")
    list_select_related = ("account", "template")
    empty_text = _("Nothing is silenced.")
    fields = ("account", "template", "measure", "until", "reason", "created_by")
    readonly_fields = ("created_by",)

    @admin.display(description=_("what"))
    def what(self, row: Silence) -> str:
        return str(row.get_measure_display()) if row.measure else gettext("everything")

    @display(description=_("state"), label={"force": "warning", "over": ""})
    def in_force(self, row: Silence) -> tuple[str, str]:
        if row.until > timezone.now():
            return "force", gettext("in force")
        return "over", gettext("expired")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Who is limited to accounts silences none but those."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "account" and accounts_of(request.user) is not None and field:
            field.required, field.help_text = True, ""
        return field

    def save_model(self, request: HttpRequest, obj: Silence, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user.get_username()
        super().save_model(request, obj, form, change)
