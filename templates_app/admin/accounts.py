"""Official accounts: their secrets go in and never come out; “check connection” asks WeChat."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from notifier.wechat.errors import Refused, WeChatError, lookup, lookup_token_call, refused_ip
from notifier.wechat.tokens import TokenRefused
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.reasons import reason_in_words
from templates_app.admin.secrets import WriteOnlyAdmin, WriteOnlyForm
from templates_app.models import OfficialAccount
from templates_app.signals import connection_checked, templates_synced
from templates_app.sync import sync
from templates_app.wechat import new_client


class AccountForm(WriteOnlyForm):
    write_only = ("app_secret", "callback_token", "encoding_aes_key", "previous_aes_key")

    class Meta:
        model = OfficialAccount
        fields = "__all__"


@admin.register(OfficialAccount)
class OfficialAccountAdmin(WriteOnlyAdmin):
    form = AccountForm
    list_display = ("name", "slug", "appid", "callback_mode", "active")
    search_fields = ("name", "slug", "appid")
    empty_text = _(
        "No account yet. WeChat shows its AppID and AppSecret under Settings and development."
    )
    readonly_fields = ("callback_address",)
    actions_detail = ("sync_templates", "check_connection", "doctor")
    fieldsets = (
        (None, {"fields": ("name", "slug", "is_active")}),
        (_("WeChat"), {"fields": ("appid", "app_secret", "original_id", "token_call")}),
        (
            _("Callback"),
            {
                "fields": (
                    "callback_address",
                    "callback_mode",
                    "callback_token",
                    "encoding_aes_key",
                    "previous_aes_key",
                ),
                "description": _(
                    "Enter the same values at WeChat: Settings and development → Basic "
                    "configuration → Server configuration."
                ),
            },
        ),
        (
            _("Pace and quota"),
            {
                "fields": (
                    "max_per_second",
                    "daily_quota",
                    "urgent_reserve",
                    "recipient_spacing",
                    "campaign_approval_from",
                )
            },
        ),
        (_("Network"), {"fields": ("api_base_url", "backup_domains"), "classes": ("collapse",)}),
    )

    @display(description=_("active"), boolean=True, ordering="is_active")
    def active(self, account: OfficialAccount) -> bool:
        return account.is_active

    @admin.display(description=_("callback address"))
    def callback_address(self, account: OfficialAccount) -> str:
        if not account.pk:
            return gettext("Shown after the account is saved.")
        path = reverse("wechat-callback", args=[account.slug])
        return format_html("<code>https://{}{}</code>", gettext("<your domain>"), path)

    @action(
        description=_("Check connection"),
        url_path="check-connection",
        icon="wifi_tethering",
        permissions=["check_connection"],
        dialog=confirm(
            _("Check the connection?"),
            _("It asks WeChat for a new access token, which is used from then on."),
        ),
    )
    def check_connection(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        """Asks WeChat for a token and for the template list, and says what it answered."""
        account = found(self, request, object_id)
        client = new_client(account)
        try:
            client.replace_token()
            count = len(client.templates())
        except WeChatError as error:
            self._told(account, str(error))
            self.message_user(request, _answer(account, error), messages.ERROR)
        else:
            text = gettext(
                "WeChat answers. The secret is right; the account has %(count)d templates."
            )
            self._told(account, "ok")
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
        return leave_dialog("admin:templates_app_officialaccount_change", object_id)

    @action(description=_("Doctor"), url_path="doctor", icon="stethoscope", permissions=["view"])
    def doctor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page that looks at all of the account at once."""
        return redirect("admin:account-doctor", found(self, request, object_id).pk)

    @action(
        description=_("Sync templates"),
        url_path="sync-templates",
        icon="sync",
        permissions=["sync_templates"],
        dialog=confirm(
            _("Sync the templates?"),
            _(
                "It asks WeChat for the account's templates. One that is gone, or whose fields "
                "changed, is held: its messages wait until it is mended."
            ),
        ),
    )
    def sync_templates(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        account = found(self, request, object_id)
        try:
            listed = new_client(account).templates()
        except WeChatError as error:
            self.message_user(request, _answer(account, error), messages.ERROR)
            return leave_dialog("admin:templates_app_officialaccount_change", object_id)
        done = sync(account, listed, timezone.now())
        templates_synced.send(OfficialAccount, account=account, count=done.count)
        text = gettext("WeChat lists %(count)d templates.") % {"count": done.count}
        self.message_user(request, text, messages.SUCCESS)
        for template in done.held:
            text = gettext("%(template)s is held: %(because)s.")
            because = reason_in_words(template.held_because)
            self.message_user(
                request, text % {"template": template, "because": because}, messages.WARNING
            )
        return leave_dialog(
            "admin:templates_app_listedtemplate_changelist", account__id__exact=object_id
        )

    def _told(self, account: OfficialAccount, answer: str) -> None:
        connection_checked.send(OfficialAccount, account=account, answer=answer)

    def has_check_connection_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("templates_app.change_officialaccount")

    def has_sync_templates_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("templates_app.sync_officialaccount")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its messages must stay traceable: an account is switched off instead."""
        return False


def _answer(account: OfficialAccount, error: WeChatError) -> str:
    """What WeChat said, what it means, and what to do."""
    if not isinstance(error, Refused):
        address = account.api_base_url or settings.WECHAT_API_BASE_URL
        text = gettext(
            "No usable answer from %(address)s: %(reason)s. Check the API address, and that this "
            "server may reach it."
        )
        return text % {"address": address, "reason": reason_in_words(str(error))}
    look_up = lookup_token_call if isinstance(error, TokenRefused) else lookup
    known = look_up(error.errcode)
    parts = [f"errcode {error.errcode}: {error.errmsg}", gettext(known.meaning), gettext(known.fix)]
    if ip := refused_ip(error.errmsg):
        parts.append(gettext("The address to add: %(ip)s") % {"ip": ip})
    return " — ".join(part for part in parts if part)
