"""Message templates: their versions at a glance, a new version, a test send."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.models import MessageTemplate, TemplateVersion
from templates_app.versions import copy_newest


class VersionInline(TabularInline):
    model = TemplateVersion
    fields = ("version", "title", "state", "published_at", "published_by")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = _("versions")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=_("version"))
    def version(self, version: TemplateVersion) -> str:
        address = reverse("admin:templates_app_templateversion_change", args=[version.pk])
        return format_html('<a href="{}" class="hy-link">v{}</a>', address, version.number)

    @display(description=_("state"))
    def state(self, version: TemplateVersion) -> str:
        return gettext("published") if version.is_published else gettext("draft")


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ModelAdmin):
    list_display = ("name", "code", "account", "version")
    list_filter = ("account",)
    list_select_related = ("account", "published")
    search_fields = ("code", "name")
    fields = ("account", "code", "name", "description")
    inlines = (VersionInline,)
    actions_detail = ("new_version", "test_send")

    @display(description=_("published version"))
    def version(self, template: MessageTemplate) -> str:
        return f"v{template.published.number}" if template.published else "–"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Services and stored messages know the code; WeChat knows the account's templates."""
        return ("account", "code") if obj else ()

    @action(
        description=_("New version"),
        url_path="new-version",
        icon="add",
        permissions=["new_version"],
        dialog=confirm(
            _("New version"),
            _("A draft like the newest version. Services go on sending the published one."),
        ),
    )
    def new_version(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """A draft with the newest version's content, or an empty form for the first one."""
        template = found(self, request, object_id)
        version = copy_newest(template)
        if version is None:
            return leave_dialog("admin:templates_app_templateversion_add", template=template.pk)
        return leave_dialog("admin:templates_app_templateversion_change", version.pk)

    def has_new_version_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("templates_app.add_templateversion")

    @action(
        description=_("Send a test"),
        url_path="test-send",
        icon="send",
        permissions=["test_send"],
    )
    def test_send(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(f"{reverse('admin:message-test-send')}?template={object_id}")

    def has_test_send_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("notifier.add_message")
