"""WeChat's own templates of the accounts, as synced: what each is used for, and a template of ours
made from one."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from templates_app.admin.dialogs import found, leave_dialog
from templates_app.admin.pages import ReadOnlyAdmin
from templates_app.content import parse_content
from templates_app.models import ListedTemplate, MessageTemplate
from templates_app.sync import template_from


class CodeForm(BaseDialogForm):
    code = forms.CharField(
        label=_("code"),
        max_length=64,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_.-]*$", _("Use a-z, 0-9, _ . and -."))],
        help_text=_("The name that services send with; it never changes."),
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        if MessageTemplate.objects.filter(code=code).exists():
            raise forms.ValidationError(_("There is a template with this code already."))
        return code


@admin.register(ListedTemplate)
class ListedTemplateAdmin(ReadOnlyAdmin):
    list_display = ("title", "account", "fields_of", "used_by", "is_there", "seen_at")
    list_filter = ("account",)
    list_select_related = ("account",)
    search_fields = ("title", "wechat_template_id")
    empty_text = _(
        "Nothing was read from WeChat yet. Press “Sync templates” on an official account's page."
    )
    fields = (
        "account",
        "title",
        "wechat_template_id",
        "content",
        "example",
        "seen_at",
        "gone_since",
    )
    actions_detail = ("make_template",)

    @admin.display(description=_("fields"))
    def fields_of(self, listed: ListedTemplate) -> str:
        return "、".join(one.label or one.key for one in parse_content(listed.content))

    @admin.display(description=_("used by"))
    def used_by(self, listed: ListedTemplate) -> str:
        return ", ".join(self._users.get((listed.account_id, listed.wechat_template_id), ())) or "–"

    @display(description=_("at WeChat"), label={"yes": "success", "no": "danger"})
    def is_there(self, listed: ListedTemplate) -> tuple[str, str]:
        return ("no", gettext("gone")) if listed.gone_since else ("yes", gettext("there"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self._users = _users()
        return super().changelist_view(request, extra_context)

    @action(
        description=_("Make a template of it"),
        url_path="make-template",
        icon="add",
        permissions=["make_template"],
        dialog=ActionDialog(
            title=_("Make a template of it"),
            description=_("A draft with WeChat's fields; its examples become the samples."),
            form_class=CodeForm,
            form_submit_text=_("Make it"),
        ),
    )
    def make_template(self, request: HttpRequest, form: CodeForm, object_id: str) -> HttpResponse:
        listed = found(self, request, object_id)
        version = template_from(listed, form.cleaned_data["code"], request.user.get_username())
        return leave_dialog("admin:templates_app_templateversion_change", version.pk)

    def has_make_template_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(
            ("templates_app.add_messagetemplate", "templates_app.add_templateversion")
        )


def _users() -> dict[tuple[int, str], list[str]]:
    """Published templates of ours by WeChat's; one query for the page."""
    found: dict[tuple[int, str], list[str]] = {}
    rows = MessageTemplate.objects.exclude(published=None).order_by("code")
    for account, wechat_id, code in rows.values_list(
        "account_id", "published__wechat_template_id", "code"
    ):
        found.setdefault((account, wechat_id), []).append(code)
    return found
