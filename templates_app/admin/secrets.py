"""Write-only form fields: a stored secret is never sent to the browser; empty keeps it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget


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
