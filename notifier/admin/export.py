"""Export of recipients as CSV: masked, unless personal data may be seen and is asked for."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from notifier.admin.personal import exported
from notifier.models import Recipient, RecipientGroup, RecipientState, Segment
from notifier.recipients.exporting import csv_lines
from notifier.recipients.segments import people
from templates_app.access import limited
from templates_app.models import OfficialAccount


class ExportForm(forms.Form):
    account = forms.ModelChoiceField(
        OfficialAccount.objects.defer("app_secret").order_by("name"),
        label=_("Account"),
        required=False,
        empty_label=_("all"),
        widget=UnfoldAdminSelectWidget,
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("all")), *RecipientState.choices],
        widget=UnfoldAdminSelectWidget,
    )
    group = forms.ModelChoiceField(
        RecipientGroup.objects.select_related("account"),
        label=_("Group"),
        required=False,
        empty_label=_("all"),
        widget=UnfoldAdminSelectWidget,
    )
    segment = forms.ModelChoiceField(
        Segment.objects.select_related("account"),
        label=_("Segment"),
        required=False,
        empty_label=_("none"),
        widget=UnfoldAdminSelectWidget,
    )
    in_full = forms.BooleanField(
        label=_("Personal data in full"),
        required=False,
        help_text=_("It is recorded. Without it names, e-mails and OpenIDs are masked."),
        widget=UnfoldBooleanSwitchWidget,
    )

    def __init__(self, user: Any, may_reveal: bool, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        for name in ("account", "group", "segment"):
            choice: Any = self.fields[name]
            choice.queryset = limited(choice.queryset, user)
        if not may_reveal:
            del self.fields["in_full"]

    def people(self) -> Any:
        asked = self.cleaned_data
        found = people(asked["segment"]) if asked["segment"] else Recipient.objects.all()
        found = limited(found, self.user)
        if asked["account"]:
            found = found.filter(account=asked["account"])
        if asked["state"]:
            found = found.filter(state=asked["state"])
        if asked["group"]:
            found = found.filter(groups=asked["group"])
        return found

    def in_words(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.cleaned_data.items() if value)


def export(request: HttpRequest) -> HttpResponseBase:
    if not request.user.has_perm("notifier.export_recipient"):
        raise PermissionDenied
    may_reveal = request.user.has_perm("notifier.reveal_recipient")
    form = ExportForm(request.user, may_reveal, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        exported(form.in_words() or "all")
        lines = csv_lines(form.people(), in_full=bool(form.cleaned_data.get("in_full")))
        name = f"recipients-{timezone.localtime():%Y%m%d-%H%M}.csv"
        return StreamingHttpResponse(
            (line.encode() for line in lines),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
    context = {**admin.site.each_context(request), "title": _("Export recipients"), "form": form}
    return render(request, "notifier/export.html", context)
