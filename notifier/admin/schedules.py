"""Recurring messages: made by services; operators see when each comes next, and can stop it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import formats, timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from notifier.models import Schedule
from notifier.schedules.runs import next_runs
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.pages import ReadOnlyAdmin

CHANGE = "admin:notifier_schedule_change"


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ("name", "stands", "client", "template", "person", "cron", "zone", "next_at")
    list_filter = ("client", "is_active", "account")
    list_select_related = ("client", "recipient")
    search_fields = ("name", "template")
    empty_text = _("No service has made a recurring message. They do it by the API.")
    fields = (
        "name",
        "state_in_words",
        "client",
        "account",
        "template",
        "person",
        "cron",
        "zone",
        "late",
        "runs",
        "last_at",
        "last_problem",
        "is_test",
        "created_at",
    )
    readonly_fields = ("state_in_words", "person", "runs")
    actions_detail = ("pause", "go_on")

    @display(description=_("state"), label={"on": "success", "off": "", "problem": "warning"})
    def stands(self, row: Schedule) -> tuple[str, str]:
        if not row.is_active:
            return "off", gettext("paused")
        if row.last_problem:
            return "problem", gettext("last refused")
        return "on", gettext("active")

    @admin.display(description=_("state"))
    def state_in_words(self, row: Schedule) -> str:
        return self.stands(row)[1]

    @admin.display(description=_("recipient"))
    def person(self, row: Schedule) -> str:
        return str(row.recipient)

    @admin.display(description=_("next five"))
    def runs(self, row: Schedule) -> str:
        if not row.is_active:
            return "–"
        moments = next_runs(row.cron, row.zone, timezone.now())
        shown = [(formats.date_format(timezone.localtime(one), "Y-m-d H:i"),) for one in moments]
        return format_html_join("", "<div>{}</div>", shown)

    @action(
        description=_("Pause"),
        url_path="pause",
        icon="pause",
        permissions=["pause"],
        dialog=confirm(_("Pause it?"), _("Nothing is sent until somebody lets it go on.")),
    )
    def pause(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._switched(request, object_id, is_on=False)

    @action(
        description=_("Let it go on"),
        url_path="go-on",
        icon="play_arrow",
        permissions=["go_on"],
        dialog=confirm(_("Let it go on?"), _("What was due meanwhile is not sent.")),
    )
    def go_on(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        return self._switched(request, object_id, is_on=True)

    def _switched(self, request: HttpRequest, object_id: str, *, is_on: bool) -> HttpResponse:
        row = found(self, request, object_id)
        row.switch(is_on, next_runs(row.cron, row.zone, timezone.now(), 1)[0])
        self.log_change(request, row, [{"changed": {"fields": ["is_active"]}}])
        return leave_dialog(CHANGE, object_id)

    def has_pause_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may_switch(request, object_id, is_on=False)

    def has_go_on_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may_switch(request, object_id, is_on=True)

    def _may_switch(self, request: HttpRequest, object_id: Any, *, is_on: bool) -> bool:
        """Of the two buttons that one is shown which changes something."""
        if not request.user.has_perm("notifier.change_schedule"):
            return False
        row = self.get_object(request, object_id) if object_id else None
        return row is None or row.is_active != is_on
