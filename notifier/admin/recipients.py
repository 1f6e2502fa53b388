"""Recipients: found by OpenID or your user id; the list shows OpenIDs masked."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from notifier.models import Recipient, RecipientState, Suppression, masked_openid

COLOURS: dict[str, str] = {
    RecipientState.FOLLOWING.value: "success",
    RecipientState.UNFOLLOWED.value: "warning",
    RecipientState.REFUSED.value: "danger",
    RecipientState.BLACKLISTED.value: "danger",
}


class SuppressionInline(TabularInline):
    """Templates the person refuses; deleting one lets it be sent again."""

    model = Suppression
    fields = ("template", "errcode", "since")
    readonly_fields = fields
    extra = 0
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Recipient)
class RecipientAdmin(ModelAdmin):
    list_display = ("name_or_id", "user_id", "masked", "account", "shown_state", "state_since")
    list_display_links = ("name_or_id",)
    list_filter = ("state", "account")
    list_select_related = ("account",)
    search_fields = ("openid__exact", "user_id__exact")
    search_help_text = _("OpenID or your user id, whole")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = InfinitePaginator
    ordering = ("-id",)
    fields = ("account", "openid", "user_id", "name", "email", "state", "state_since")
    inlines = (SuppressionInline,)
    actions_list = ("import_file",)
    readonly_fields = ("state_since",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Recipient | None = None
    ) -> tuple[str, ...]:
        return ("account", "openid", "state_since") if obj else ("state_since",)

    @action(
        description=_("Import"), url_path="import-file", icon="upload", permissions=["import_file"]
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return redirect("admin:notifier_recipientimport_add")

    def has_import_file_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notifier.add_recipientimport")

    @admin.display(description=_("name"))
    def name_or_id(self, recipient: Recipient) -> str:
        return str(recipient)

    @admin.display(description="OpenID")
    def masked(self, recipient: Recipient) -> str:
        return masked_openid(recipient.openid)

    @display(description=_("state"), label=COLOURS)
    def shown_state(self, recipient: Recipient) -> tuple[str, str]:
        return recipient.state, recipient.get_state_display()
