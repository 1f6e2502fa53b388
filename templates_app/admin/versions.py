"""Template versions: a draft is edited and published here; a published one can only be read."""

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.card import in_words, sample_card
from templates_app.content import parse_content
from templates_app.fields import LISTED, compile_rule, field_type
from templates_app.models import TemplateField, TemplateVersion
from templates_app.publishing import publish
from templates_app.rendering import FieldSpec, PatternError, TemplateSpec, compile_template


def _check(fields: tuple[FieldSpec, ...] = (), **links: str) -> None:
    """Says at the input what publishing would say of the whole version."""
    try:
        compile_template(TemplateSpec("", "", fields, **links))
    except PatternError as error:
        raise ValidationError(in_words(error)) from None


class ListedField(forms.CharField):
    """A list of texts, written with commas between them; Chinese ones as well."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        parts = (part.strip() for part in re.split("[,，、;；\n]", str(value or "")))
        return list(dict.fromkeys(part for part in parts if part))


class FieldForm(forms.ModelForm):  # type: ignore[type-arg]
    enum_values = ListedField(
        label=_("allowed values"),
        required=False,
        help_text=_("Of const and enum fields: the values, with commas between them."),
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "enum_values" in self.fields:  # not where the row can only be read
            self.fields["enum_values"].disabled = field_type(self.instance.key) not in LISTED

    def clean_enum_values(self) -> list[str]:
        values: list[str] = self.cleaned_data["enum_values"]
        for value in values:
            if problem := compile_rule(self.instance.key)(value):
                text = gettext(problem.message) % dict(problem.params)
                raise ValidationError(f"{value}: {text}")
        return values

    def clean_pattern(self) -> str:
        pattern = str(self.cleaned_data["pattern"])
        _check((FieldSpec(self.instance.key, "", pattern, "reject"),))
        return pattern


class VersionForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_content(self) -> str:
        content = str(self.cleaned_data["content"])
        if not parse_content(content):
            raise ValidationError(
                _("No field is in it. WeChat writes a field as {{thing1.DATA}}: copy all of it.")
            )
        return content

    def clean_url(self) -> str:
        _check(url=self.cleaned_data["url"])
        return str(self.cleaned_data["url"])

    def clean_miniprogram_pagepath(self) -> str:
        path = str(self.cleaned_data["miniprogram_pagepath"])
        _check(miniprogram_appid="wx", miniprogram_pagepath=path)
        return path


class FieldInline(TabularInline):
    model = TemplateField
    form = FieldForm
    fields = ("key", "label", "pattern", "overflow", "sample", "enum_values")
    readonly_fields = ("key",)
    extra = 0
    can_delete = False
    hide_title = True

    @admin.display(description=_("allowed values"))
    def allowed(self, field: TemplateField) -> str:
        return ", ".join(field.enum_values) or "-"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Who can only read them gets the values as text: Django would show their JSON."""
        if self.has_change_permission(request, obj):
            return self.fields
        return (*self.fields[:-1], "allowed")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.readonly_fields, "allowed")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Fields come from WeChat's content."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        published = isinstance(obj, TemplateVersion) and obj.is_published
        return not published and super().has_change_permission(request, obj)


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ModelAdmin):
    form = VersionForm
    list_display = ("__str__", "title", "published_at", "published_by")
    list_select_related = ("template",)
    autocomplete_fields = ("template",)
    inlines = (FieldInline,)
    actions_detail = ("publish",)
    change_form_outer_before_template = "templates_app/version_card.html"
    fieldsets = (
        (None, {"fields": ("template", "wechat_template_id", "title", "content")}),
        (_("Opened by a tap"), {"fields": ("url", "miniprogram_appid", "miniprogram_pagepath")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Reached through its template."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.is_published) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.is_published) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("template",) if obj else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change or "content" in form.changed_data:
            form.instance.make_fields()

    def response_post_save_add(self, request: HttpRequest, obj: TemplateVersion) -> HttpResponse:
        """On to the patterns of the fields that were just made."""
        return redirect("admin:templates_app_templateversion_change", obj.pk)

    def response_post_save_change(self, request: HttpRequest, obj: TemplateVersion) -> HttpResponse:
        """Back to the preview, and to what comes next: publishing."""
        return redirect("admin:templates_app_templateversion_change", obj.pk)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        context = {"card": sample_card(version)} if version else {}
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **context}
        )

    @action(
        description=_("Publish"),
        url_path="publish",
        icon="check",
        permissions=["publish"],
        dialog=confirm(
            _("Publish this version?"),
            _(
                "Services send it from now on, and nobody can change it afterwards. What is not "
                "saved on the page is not in it."
            ),
        ),
    )
    def publish(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        version = found(self, request, object_id)
        try:
            publish(version, by=request.user.get_username())
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            text = gettext("%(version)s is published. Services send it from now on.")
            self.message_user(request, text % {"version": version}, messages.SUCCESS)
            self.log_change(request, version, [{"changed": {"fields": ["published"]}}])
        return leave_dialog("admin:templates_app_templateversion_change", object_id)

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Of a draft only: a published version shows no button."""
        version = self.get_object(request, object_id)
        return self.has_change_permission(request, version) and version is not None
