"""API keys: what each may do. A key itself is shown once, on the page after it was made."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from notifier.models import ApiClient, ApiKey, Scope
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.limited import LimitedAdmin
from templates_app.models import MessageTemplate, OfficialAccount

OVERLAPS = {
    0: _("at once"),
    1: _("in an hour"),
    24: _("in a day"),
    24 * 7: _("in a week"),
    24 * 30: _("in 30 days"),
}
"""Hours after which the old key ends."""
MADE_ONCE = ("client", "is_test")
KNOWN = ("hint", "created_at", "last_used_at", "revoked_at")


class RotateForm(BaseDialogForm):
    hours = forms.TypedChoiceField(
        label=_("The old key ends"),
        choices=list(OVERLAPS.items()),
        coerce=int,
        initial=24,
        widget=UnfoldAdminSelectWidget,
    )


class KeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        label=_("May"),
        choices=Scope.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    accounts = forms.ModelMultipleChoiceField(
        OfficialAccount.objects.defer("app_secret").order_by("name"),
        label=_("Accounts"),
        required=False,
        help_text=ApiKey._meta.get_field("accounts").help_text,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    templates = forms.ModelMultipleChoiceField(
        MessageTemplate.objects.order_by("name"),
        label=_("Templates"),
        required=False,
        help_text=ApiKey._meta.get_field("templates").help_text,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )


@admin.register(ApiKey)
class ApiKeyAdmin(LimitedAdmin):
    form = KeyForm
    list_display = ("hint", "client", "name", "may", "stands", "last_used_at", "expires_at")
    list_filter = ("client", "is_test")
    list_select_related = ("client",)
    search_fields = ("name", "hint", "client__name")
    empty_text = _("There are no keys. A key is made on its client's page.")
    fieldsets = (
        (None, {"fields": ("client", "name", "is_test", "scopes", "expires_at")}),
        (_("What it reaches"), {"fields": ("accounts", "templates", "highest_priority")}),
        (_("Limits"), {"fields": ("networks", "per_minute", "per_day")}),
    )
    actions_detail = ("rotate", "revoke")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else [*fieldsets, (_("Use"), {"fields": KNOWN})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return KNOWN if obj is None else (*MADE_ONCE, *KNOWN)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"scopes": ApiKey().scopes} | super().get_changeform_initial_data(request)

    @admin.display(description=_("may"))
    def may(self, key: ApiKey) -> str:
        return ", ".join(key.scopes) or "–"

    @display(
        description=_("state"),
        label={"ends": "warning", "test": "info", "over": "", "on": "success"},
    )
    def stands(self, key: ApiKey) -> tuple[str, str]:
        if key.revoked_at:
            return "over", gettext("revoked")
        if key.expires_at and key.expires_at <= timezone.now():
            return "over", gettext("expired")
        return ("test", gettext("test key")) if key.is_test else ("on", gettext("in use"))

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            self._show(request, obj.issue())

    def response_add(self, request: HttpRequest, obj: ApiKey, *args: Any) -> HttpResponse:
        """Beside the key Django's own message would hide it."""
        return redirect("admin:notifier_apikey_change", obj.pk)

    @action(
        description=_("Rotate"),
        url_path="rotate",
        icon="autorenew",
        permissions=["keys"],
        dialog=ActionDialog(
            title=_("Rotate the key?"),
            description=_("A new key with the same rights is made and shown once."),
            form_class=RotateForm,
            form_submit_text=_("Make the new key"),
        ),
    )
    def rotate(self, request: HttpRequest, form: RotateForm, object_id: str) -> HttpResponse:
        old = found(self, request, object_id)
        new, key = old.rotated(timedelta(hours=form.cleaned_data["hours"]))
        self.log_change(request, old, [{"changed": {"fields": ["expires_at"]}}])
        self.log_addition(request, new, [{"added": {}}])
        self._show(request, key)
        return leave_dialog("admin:notifier_apikey_change", new.pk)

    @action(
        description=_("Revoke"),
        url_path="revoke",
        icon="block",
        permissions=["keys"],
        dialog=confirm(_("Revoke the key?"), _("Whoever uses it is refused from now on.")),
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        key = found(self, request, object_id)
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            self.log_change(request, key, [{"changed": {"fields": ["revoked"]}}])
        return leave_dialog("admin:notifier_apikey_change", key.pk)

    def _show(self, request: HttpRequest, key: str) -> None:
        text = gettext("The new key, shown only now. Copy it to the service's secrets:")
        self.message_user(request, format_html("{} <code>{}</code>", text, key), messages.SUCCESS)

    def has_keys_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(("notifier.add_apikey", "notifier.change_apikey"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who could send, and when, must stay traceable: a key is revoked instead."""
        return False


def add_address(client: ApiClient) -> str:
    return f"{reverse('admin:notifier_apikey_add')}?client={client.pk}"
