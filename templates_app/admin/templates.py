"""Message templates: their versions at a glance, a new version, a test send."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.drift import drift
from templates_app.admin.pages import PageAdmin
from templates_app.admin.reasons import reason_in_words
from templates_app.models import MessageTemplate, TemplateVersion
from templates_app.signals import template_released
from templates_app.versions import copy_newest

COLOURS = {"held": "danger", "sent": "success", "draft": ""}


class VersionInline(TabularInline):
    model = TemplateVersion
    fields = ("version", "title", "state", "published_at", "published_by", "sends")
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
        if version.is_published:
            is_sent = version.template.published_id == version.pk
            return gettext("published, sent now") if is_sent else gettext("published before")
        return gettext("in review") if version.is_in_review else gettext("draft")

    @display(description=_("messages"))
    def sends(self, version: TemplateVersion) -> str:
        if not version.is_published:
            return "–"
        address = reverse("admin:notifier_message_changelist")
        text = gettext("in the log")
        return format_html(
            '<a href="{}?version={}" class="hy-link">{}</a>', address, version.pk, text
        )


@admin.register(MessageTemplate)
class MessageTemplateAdmin(PageAdmin):
    list_display = ("name", "code", "account", "version", "state")
    list_filter = ("account",)
    list_select_related = ("account", "published")
    search_fields = ("code", "name")
    empty_text = _(
        "No template yet. Sync an account's templates from WeChat, then make one of them."
    )
    fieldsets = (
        (None, {"fields": ("account", "code", "name", "description", "held")}),
        (_("Limits for one person"), {"fields": ("dedup_seconds", "daily_cap")}),
        (
            _("Fallback"),
            {
                "fields": (
                    "fallback",
                    "fallback_on_refusal",
                    "fallback_on_expiry",
                    "fallback_on_outage",
                )
            },
        ),
    )
    inlines = (VersionInline,)
    change_form_outer_before_template = "templates_app/drift.html"
    actions_detail = ("new_version", "test_send", "release")

    def page_context(self, request: HttpRequest, row: MessageTemplate) -> dict[str, Any]:
        return drift(row)

    @display(description=_("published version"))
    def version(self, template: MessageTemplate) -> str:
        return f"v{template.published.number}" if template.published else "–"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Services and stored messages know the code; WeChat knows the account's templates."""
        return ("account", "code", "held") if obj else ("held",)

    @admin.display(description=_("held"))
    def held(self, template: MessageTemplate) -> str:
        """Why nothing of it is sent."""
        if template.held_since is None:
            return "–"
        since = formats.date_format(timezone.localtime(template.held_since), "m-d H:i:s")
        return f"{since} {reason_in_words(template.held_because)}"

    @display(description=_("state"), label=COLOURS)
    def state(self, template: MessageTemplate) -> tuple[str, str]:
        if template.held_since:
            return "held", gettext("held")
        if template.published_id:
            return "sent", gettext("in use")
        return "draft", gettext("not published")

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
        description=_("Release"),
        url_path="release",
        icon="play_arrow",
        permissions=["release"],
        dialog=confirm(
            _("Release the template?"),
            _("Services can send it again, and messages that waited for it go out."),
        ),
    )
    def release(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        template = found(self, request, object_id)
        template.held_since, template.held_because = None, ""
        template.save(update_fields=["held_since", "held_because"])
        template_released.send(MessageTemplate, template=template)
        self.log_change(request, template, [{"changed": {"fields": ["held"]}}])
        self.message_user(request, gettext("Released."))
        return leave_dialog("admin:templates_app_messagetemplate_change", template.pk)

    def has_release_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Who approves: whose change brought the hold does not lift it."""
        if not request.user.has_perm("templates_app.publish_templateversion"):
            return False
        held = MessageTemplate.objects.exclude(held_since=None)
        return object_id is None or held.filter(pk=object_id).exists()

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
