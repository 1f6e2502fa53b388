"""The form of a campaign: an input for each variable of its template, the audience, the sending."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from notifier.admin.choosing import row_id
from notifier.admin.uploads import not_too_large
from notifier.campaigns import states
from notifier.campaigns.columns import labels_of
from notifier.campaigns.states import NotAllowed
from notifier.models import Audience
from notifier.recipients.imports.problems import in_words
from templates_app.compiled import published
from templates_app.models import TemplateVersion

LOCAL = "%Y-%m-%dT%H:%M"
"""What a browser's own input of a moment holds."""
_OF_THE_ACCOUNT = ("segment", "group", "tag")
_MISSING = {
    Audience.SEGMENT: _("Choose a segment."),
    Audience.GROUP: _("Choose a group."),
    Audience.TAG: _("Choose a tag."),
    Audience.UPLOAD: _("Choose a file."),
}


def inputs_of(version: TemplateVersion) -> dict[str, str]:
    """Input -> variable. Numbered: the theme's script takes the names of inputs for its own."""
    names = published(version.pk).variables
    return {f"value_{number}": name for number, name in enumerate(names)}


def form_for(version: TemplateVersion, by: str) -> type[forms.ModelForm]:  # type: ignore[type-arg]
    """CampaignForm with an input for each variable of the version; `by`: who writes."""
    inputs = {one: _value_input(version, name) for one, name in inputs_of(version).items()}
    of_version = {**inputs, "version": version, "by": by}
    return type("CampaignFormOfVersion", (CampaignForm,), of_version)


def _value_input(version: TemplateVersion, name: str) -> forms.CharField:
    labels = labels_of(version, name)
    return forms.CharField(
        label=", ".join(labels) or name,
        required=False,
        max_length=1000,
        help_text=name if labels else "",
        widget=UnfoldAdminTextInputWidget,
    )


class CampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    version: TemplateVersion
    by: str
    shown_version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    """The version that the page was made for; another one may have been published since."""
    file = forms.FileField(
        label=_("File"),
        required=False,
        validators=[not_too_large],
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "CSV (UTF-8 or GB18030) or XLSX with a row for each person. The first row names the "
            "columns: openid, user_id, phone or unionid, and the template's variables or the "
            "labels of its fields. An empty cell takes the value from above."
        ),
    )
    send_at = forms.DateTimeField(
        label=_("Begins"),
        required=False,
        input_formats=[LOCAL, "%Y-%m-%d %H:%M"],
        help_text=_("Empty: at once. In the time zone beside it."),
        widget=forms.DateTimeInput(
            format=LOCAL, attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}
        ),
    )
    zone = forms.ChoiceField(
        label=_("Time zone"), widget=UnfoldAdminSelectWidget, choices=lambda: _zones()
    )

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        self.outdated = data is not None and data.get("shown_version") != str(self.version.pk)
        super().__init__(
            _carried_over(data, self.version) if self.outdated else data, *args, **kwargs
        )
        self.fields["shown_version"].initial = self.version.pk
        for name in _OF_THE_ACCOUNT:
            choices: Any = self.fields[name]
            choices.queryset = choices.queryset.filter(account=self.version.template.account_id)
            choices.widget.can_add_related = choices.widget.can_change_related = False
            choices.widget.can_view_related = choices.widget.can_delete_related = False
        for one, name in inputs_of(self.version).items():
            self.fields[one].initial = self.instance.data.get(name, "")
        if self.instance.send_at:  # as it was entered, in its own zone
            shown = self.instance.send_at.astimezone(ZoneInfo(self.instance.zone))
            self.initial["send_at"] = shown.replace(tzinfo=None)
        if self.instance.upload_name:
            text = gettext("Now: %(name)s. Another file takes its place.")
            self.fields["file"].help_text = text % {"name": self.instance.upload_name}

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_bound:
            return
        if self.outdated:
            text = gettext(
                "Another version of the template has been published meanwhile. Your values stand "
                "under the same names: compare them with the fields, then save again."
            )
            self.add_error(None, text)
        if self.instance.pk and not self.errors:
            try:  # locks the campaign until it is saved
                states.note_editor(self.instance.pk, self.by)
            except NotAllowed as error:
                self.add_error(None, in_words(error.text, error.params))
                text = gettext("Nothing was saved. What you entered still stands here: copy it.")
                self.add_error(None, text)
        if self.errors and self.files.get("file") and "file" not in self.errors:
            text = gettext("Choose the file again: a browser does not keep it.")
            self.add_error("file", text)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        audience = cleaned.get("audience")
        if audience != Audience.UPLOAD:
            cleaned["file"] = None  # chosen before another audience was
        name = "file" if audience == Audience.UPLOAD else str(audience)
        has_file = audience == Audience.UPLOAD and self.instance.upload_name
        if audience and name in self.fields and not cleaned.get(name) and not has_file:
            self.add_error(name, _MISSING[Audience(audience)])
        if cleaned.get("send_at") and cleaned.get("zone"):
            cleaned["send_at"] = _in_zone(cleaned["send_at"], cleaned["zone"])
            if cleaned["send_at"] < timezone.now():
                self.add_error("send_at", _("It lies in the past. Empty: at once."))
        return cleaned

    def values(self) -> dict[str, str]:
        given = self.cleaned_data
        return {name: given[one] for one, name in inputs_of(self.version).items() if given[one]}


def _carried_over(data: Any, version: TemplateVersion) -> Any:
    """What was entered for another version of the template, under the inputs of this one."""
    shown = data.get("shown_version", "")
    versions = version.template.versions.exclude(published_at=None)
    other = versions.filter(pk=row_id(shown)).first()
    before = {name: one for one, name in inputs_of(other).items()} if other else {}
    moved = data.copy()
    for one, name in inputs_of(version).items():
        moved[one] = data.get(before.get(name, ""), "")
    moved["shown_version"] = str(version.pk)
    return moved


def _in_zone(entered: datetime, zone: str) -> datetime:
    """Django reads what is entered in its own current zone."""
    return timezone.make_naive(entered).replace(tzinfo=ZoneInfo(zone))


def _zones() -> list[tuple[str, str]]:
    here = settings.TIME_ZONE
    names = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
    return [(name, name) for name in dict.fromkeys([here, *names])]
