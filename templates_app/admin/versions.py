"""Template versions: a draft is edited and published here; a published one can only be read."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextInputWidget

from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.looks import compare_page, looks, typed
from templates_app.admin.pages import PageAdmin
from templates_app.card import in_words
from templates_app.content import parse_content
from templates_app.fields import LISTED, compile_rule, field_type
from templates_app.models import TemplateField, TemplateVersion
from templates_app.publishing import ask_for_review, note_author, publish, publish_again
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
        for one in self.fields.values():  # the table's heads are no labels
            one.widget.attrs["aria-label"] = one.label
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
class TemplateVersionAdmin(PageAdmin):
    form = VersionForm
    list_display = ("__str__", "title", "published_at", "published_by")
    list_select_related = ("template",)
    inlines = (FieldInline,)
    actions_detail = ("ask_for_review", "publish", "publish_again", "compare")
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
        if not change or form.has_changed() or any(each.has_changed() for each in formsets):
            note_author(form.instance, request.user.get_username())

    def response_post_save_add(self, request: HttpRequest, obj: TemplateVersion) -> HttpResponse:
        """On to the patterns of the fields that were just made."""
        return redirect("admin:templates_app_templateversion_change", obj.pk)

    def response_post_save_change(self, request: HttpRequest, obj: TemplateVersion) -> HttpResponse:
        """Back to the preview, and to what comes next: publishing."""
        return redirect("admin:templates_app_templateversion_change", obj.pk)

    def page_context(self, request: HttpRequest, row: TemplateVersion) -> dict[str, Any]:
        return looks(row, list(row.fields.all()))

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
        """Of a draft only, and where two people are asked for only one that was given for review:
        others show no button."""
        version = self.get_object(request, object_id)
        may = request.user.has_perm("templates_app.publish_templateversion")
        if version is None or version.is_published:
            return may and version is None
        return may and (version.is_in_review or not settings.TEMPLATE_REVIEW)

    @action(
        description=_("Ask for review"),
        url_path="ask-for-review",
        icon="rate_review",
        permissions=["ask_for_review"],
        dialog=confirm(
            _("Ask for a review?"),
            _("Somebody else looks at it and publishes it. A change takes the request back."),
        ),
    )
    def ask_for_review(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        version = found(self, request, object_id)
        try:
            ask_for_review(version, request.user.get_username())
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        else:
            self.message_user(request, gettext("It waits for a review."), messages.SUCCESS)
        return leave_dialog("admin:templates_app_templateversion_change", object_id)

    def has_ask_for_review_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        version = self.get_object(request, object_id)
        if not settings.TEMPLATE_REVIEW or version is None or version.is_in_review:
            return False
        return self.has_change_permission(request, version)

    @action(
        description=_("Publish again"),
        url_path="publish-again",
        icon="undo",
        permissions=["publish_again"],
        dialog=confirm(
            _("Publish this version again?"),
            _("Services send it from now on, in place of the one they send now."),
        ),
    )
    def publish_again(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        version = found(self, request, object_id)
        publish_again(version)
        text = gettext("%(version)s is published. Services send it from now on.")
        self.message_user(request, text % {"version": version}, messages.SUCCESS)
        self.log_change(request, version, [{"changed": {"fields": ["published"]}}])
        return leave_dialog("admin:templates_app_templateversion_change", object_id)

    def has_publish_again_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        version = self.get_object(request, object_id)
        if version is None or not version.is_published:
            return False
        is_sent = version.template.published_id == version.pk
        return not is_sent and request.user.has_perm("templates_app.publish_templateversion")

    @action(
        description=_("Compare"),
        url_path="compare",
        icon="difference",
        permissions=["compare"],
    )
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return compare_page(request, found(self, request, object_id))

    def has_compare_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        version = self.get_object(request, object_id)
        return version is not None and version.template.versions.count() > 1

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview)
        return [
            path("<int:version_id>/preview/", view, name="version-preview"),
            *super().get_urls(),
        ]

    def preview(self, request: HttpRequest, version_id: int) -> HttpResponse:
        """The card and the hints of what stands in the form, saved or not."""
        version = found(self, request, str(version_id))
        if not self.has_view_permission(request, version):
            raise PermissionDenied
        context = looks(version, typed(version, request.POST))
        return render(request, "templates_app/version_looks.html", context)
