"""Write-only form fields: a stored secret is never sent to the browser; empty keeps it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from templates_app.admin.limited import LimitedAdmin


class WriteOnlyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Subclasses name their secrets in `write_only`."""

    write_only: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.write_only:
            field = self.fields.get(name)
            if field is None:
                continue
            self.initial[name] = ""  # else an empty input would count as a change
            stored = bool(getattr(self.instance, name))
            field.widget = UnfoldAdminPasswordWidget(
                attrs={
                    "autocomplete": "new-password",
                    "placeholder": _("stored; leave empty to keep it") if stored else "",
                }
            )
            field.required = field.required and not stored

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in self.write_only:
            if not cleaned.get(name):
                cleaned[name] = getattr(self.instance, name)
            else:
                cleaned[name] = cleaned[name].strip()
        return cleaned


class WriteOnlyAdmin(LimitedAdmin):
    """For a WriteOnlyForm. To a viewer who may not change the row Django shows each field's value
    as text, past the form and its widgets: of a secret he is told whether it is stored."""

    form: type[WriteOnlyForm]

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        shown = {name: _stored(obj, name) for name in self.form.write_only}
        return [
            (title, options | {"fields": [shown.get(name, name) for name in options["fields"]]})
            for title, options in fieldsets
        ]


def _stored(row: Model, name: str) -> Callable[[Model], str]:
    @display(description=row._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    def stored(row: Model) -> str:
        return gettext("stored") if getattr(row, name) else "–"

    return stored
