"""API clients and their keys. A key is shown once, when it is made."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from notifier.admin.keys import add_address
from notifier.models import ApiClient, ApiKey
from notifier.models.keys import memory as key_memory
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.limited import LimitedAdmin


class KeyInline(TabularInline):
    model = ApiKey
    fields = ("page", "name", "is_test", "created_at", "last_used_at", "expires_at", "revoked_at")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = _("keys")

    @admin.display(description=_("begins with"))
    def page(self, key: ApiKey) -> str:
        where = reverse("admin:notifier_apikey_change", args=[key.pk])
        return format_html('<a class="text-primary-600" href="{}">{}</a>', where, key)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiClient)
class ApiClientAdmin(LimitedAdmin):
    list_display = ("name", "active", "created_at")
    search_fields = ("name",)
    empty_text = _("No service may send yet. Add one, then make its key.")
    fields = ("name", "is_active")
    inlines = (KeyInline,)
    actions_list = ("guide",)
    actions_detail = ("new_key", "revoke_keys")

    @display(description=_("active"), boolean=True, ordering="is_active")
    def active(self, client: ApiClient) -> bool:
        return client.is_active

    @action(description=_("API guide"), url_path="guide", icon="menu_book")
    def guide(self, _request: HttpRequest) -> HttpResponse:
        return redirect("api-guide")

    @action(description=_("New key"), url_path="new-key", icon="key", permissions=["keys"])
    def new_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(add_address(found(self, request, object_id)))

    @action(
        description=_("Revoke all keys"),
        url_path="revoke-keys",
        icon="block",
        permissions=["keys"],
        dialog=confirm(
            _("Revoke all keys?"), _("The client can send nothing until it has a new one.")
        ),
    )
    def revoke_keys(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        client = found(self, request, object_id)
        count = client.keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        key_memory.forget()
        self.log_change(request, client, [{"changed": {"fields": ["revoked"]}}])
        self.message_user(request, gettext("Keys revoked: %(count)d.") % {"count": count})
        return leave_dialog("admin:notifier_apiclient_change", object_id)

    def has_keys_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perms(("notifier.add_apikey", "notifier.change_apikey"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its messages must stay traceable: a client is switched off instead."""
        return False
