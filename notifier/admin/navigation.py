"""The sidebar: what operators open every day first."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from notifier.admin import profiles, queues
from notifier.admin.anomalies import open_anomalies
from notifier.admin.campaign_page import campaigns_for_somebody
from notifier.admin.sending import trouble
from notifier.admin.webhook_words import endpoints_for_somebody


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {"items": _every_day(request)},
        {"title": _("What is sent, and to whom"), "separator": True, "items": _what_is_sent()},
        {"title": _("Set-up"), "separator": True, "items": _set_up(request)},
    ]


def _every_day(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {"title": _("Overview"), "icon": "monitoring", "link": reverse_lazy("admin:index")},
        _item(_("Message log"), "notifier_message_changelist", "forum")
        | {"active": _is_message_log},
        _with_badge(
            request,
            _item(_("Sending"), "sending", "swap_vert", "notifier.view_message"),
            trouble,
        ),
        _with_badge(
            request,
            _item(_("Anomalies"), "notifier_anomaly_changelist", "query_stats"),
            open_anomalies,
        ),
        _with_badge(
            request,
            _item(_("Campaigns"), "notifier_campaign_changelist", "campaign"),
            campaigns_for_somebody,
            "warning",
        ),
        _item(_("Webhook log"), "notifier_webhookdelivery_changelist", "webhook"),
        _item(_("Errcodes"), "errcodes", "menu_book", "notifier.view_message"),
        _item(_("Send a test"), "message-test-send", "send", "notifier.add_message"),
    ]


def _what_is_sent() -> list[dict[str, Any]]:
    return [
        _item(_("Templates"), "templates_app_messagetemplate_changelist", "article"),
        _item(_("Templates at WeChat"), "templates_app_listedtemplate_changelist", "cloud_sync"),
        _item(_("Recipients"), "notifier_recipient_changelist", "group"),
        _item(_("Segments"), "notifier_segment_changelist", "filter_alt"),
        _item(_("Groups"), "notifier_recipientgroup_changelist", "groups"),
        _item(_("Suppressions"), "notifier_suppression_changelist", "block"),
        _item(_("Imports"), "notifier_recipientimport_changelist", "upload_file"),
    ]


def _set_up(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        _item(_("Official accounts"), "templates_app_officialaccount_changelist", "storefront"),
        _item(_("API clients"), "notifier_apiclient_changelist", "key"),
        _item(_("Recurring messages"), "notifier_schedule_changelist", "event_repeat"),
        _with_badge(
            request,
            _item(_("Webhook endpoints"), "notifier_webhookendpoint_changelist", "podcasts"),
            endpoints_for_somebody,
        ),
        _item(_("Gateways"), "notifier_gateway_changelist", "cable"),
        _item(_("Users"), "auth_user_changelist", "person"),
        _item(_("Roles and groups"), "auth_group_changelist", "badge"),
        _item(_("Audit trail"), "notifier_auditentry_changelist", "history_edu"),
        {
            "title": _("Queues"),
            "icon": "stacks",
            "link": reverse_lazy("django_rq:home"),
            "permission": lambda request: request.user.has_perm(queues.PERMISSION),
        },
        {
            "title": _("Profiles"),
            "icon": "local_fire_department",
            "link": reverse_lazy("profiles"),
            "permission": lambda request: request.user.has_perm(profiles.PERMISSION),
        },
    ]


def _is_message_log(request: HttpRequest) -> bool:
    """Not the pages beside it, whose addresses begin alike."""
    others = ("/test-send/", "/sending/", "/errcodes/", "/doctor/")
    return "/notifier/message/" in request.path and not any(o in request.path for o in others)


def _item(title: object, view: str, icon: str, permission: str = "") -> dict[str, Any]:
    """By default the item is for those who may view the model that the view lists."""
    app, _dot, name = view.removesuffix("_changelist").rpartition("_")
    needed = permission or f"{app}.view_{name}"
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{view}"),
        "permission": lambda request: request.user.has_perm(needed),
    }


def _with_badge(
    request: HttpRequest,
    item: dict[str, Any],
    count: Callable[[HttpRequest], int | str],
    variant: str = "danger",
) -> dict[str, Any]:
    """The theme calls no function for a badge, and shows a nought; who does not see the item costs
    nothing."""
    badge = (count(request) or "") if item["permission"](request) else ""
    return item | {"badge": badge, "badge_variant": variant}
