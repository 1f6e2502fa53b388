"""Gateways: what a service gives its SDK in WeChat's place, and whether its receipts arrive."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from notifier.gateway.verifying import answer_of
from notifier.models import Gateway
from notifier.webhooks.problems import PROBLEMS
from notifier.webhooks.problems import in_words as problem_in_words
from templates_app.admin.dialogs import confirm, found, leave_dialog
from templates_app.admin.pages import PageAdmin
from templates_app.admin.reasons import reason_in_words
from templates_app.admin.secrets import WriteOnlyAdmin, WriteOnlyForm

NEWEST = 10


class GatewayForm(WriteOnlyForm):
    write_only = ("callback_token", "encoding_aes_key")


@admin.register(Gateway)
class GatewayAdmin(WriteOnlyAdmin, PageAdmin):
    form = GatewayForm
    list_display = ("name", "account", "appid", "on", "callback_url", "verified_at")
    list_display_links = ("name",)
    list_select_related = ("client", "account")
    search_fields = ("client__name", "appid")
    empty_text = _(
        "A service that uses a WeChat SDK sends through Hongyan once its SDK has another address. "
        "Add a gateway for it."
    )
    change_form_template = "notifier/gateway.html"
    actions_detail = ("verify_callback",)
    fieldsets = (
        (None, {"fields": ("client", "account")}),
        (
            _("Callback"),
            {
                "fields": (
                    "callback_url",
                    "callback_mode",
                    "callback_token",
                    "encoding_aes_key",
                    "verified_at",
                ),
                "description": _("What the service has set up at WeChat until now."),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Its AppID is in the client's hands: it stays that client's."""
        return ("verified_at", "client") if obj else ("verified_at",)

    @display(description=_("API client"), ordering="client__name")
    def name(self, gateway: Gateway) -> str:
        return gateway.client.name

    @display(description=_("on"), boolean=True)
    def on(self, gateway: Gateway) -> bool:
        return gateway.account_id is not None

    def page_context(self, request: HttpRequest, row: Gateway) -> dict[str, Any]:
        receipts = row.messages.select_related("message").defer("message__payload")
        return {
            "gateway": row,
            "base_url": request.build_absolute_uri("/gateway/"),
            "receipts": [(one, _in_words(one.detail)) for one in receipts.order_by("-pk")[:NEWEST]],
        }

    @action(
        description=_("Verify the callback"),
        url_path="verify-callback",
        icon="task_alt",
        permissions=["verify"],
        dialog=confirm(
            _("Verify the callback?"),
            _("It asks the service what WeChat asks when an address is set up."),
        ),
    )
    def verify_callback(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        gateway = found(self, request, object_id)
        if not gateway.callback_url:
            self.message_user(request, gettext("It has no callback address."), messages.ERROR)
        elif answer := answer_of(gateway):
            text = gettext(
                "The service did not answer as it must: %(answer)s. Check the address, the token "
                "and that this server may reach it."
            )
            told = _in_words(answer).rstrip(".。")
            self.message_user(request, text % {"answer": told}, messages.ERROR)
        else:
            Gateway.objects.filter(pk=gateway.pk).update(verified_at=timezone.now())
            text = gettext("The service answered as it must.")
            self.message_user(request, text, messages.SUCCESS)
        return leave_dialog("admin:notifier_gateway_change", object_id)

    def has_verify_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("notifier.change_gateway")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was told of its messages stays: a gateway is switched off instead."""
        return False


def _in_words(detail: str) -> str:
    return problem_in_words(detail) if detail in PROBLEMS else reason_in_words(detail)
