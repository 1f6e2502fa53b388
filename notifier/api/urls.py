"""/api/v1/"""

from typing import Any

from django.urls import URLPattern, path, register_converter
from django.urls.converters import IntConverter, StringConverter, UUIDConverter

from notifier.api.batch import BatchOfMessages, StreamOfMessages
from notifier.api.campaigns import (
    ACTIONS,
    Campaigns,
    OneCampaign,
    Replay,
    Results,
    Rows,
)
from notifier.api.events import Events
from notifier.api.recipients import Accounts, OneRecipient, Recipients, Resolve
from notifier.api.schedules import OneSchedule, Schedules, Switch
from notifier.api.templates import Counts, OneTemplate, Preview, Templates
from notifier.api.views import Cancelling, CancellingMany, Endpoint, Messages, OneMessage
from notifier.api.webhooks import (
    DeliveriesOfEndpoint,
    OneWebhookDelivery,
    OneWebhookEndpoint,
    Pinging,
    Replaying,
    ReplayingOne,
    RotatingSecret,
    WebhookEndpoints,
)


class HexId(UUIDConverter):
    """A message's id: 32 hexadecimal digits, or the same with hyphens."""

    regex = "[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"


class TemplateCode(StringConverter):
    regex = "[a-z0-9][a-z0-9_.-]{0,63}"


class OpenId(StringConverter):
    regex = "[A-Za-z0-9_-]{1,64}"


class RowId(IntConverter):
    regex = "[0-9]{1,18}"


register_converter(HexId, "message_id")
register_converter(RowId, "row_id")
register_converter(TemplateCode, "template_code")
register_converter(OpenId, "openid")


def _endpoint(route: str, view: type[Endpoint], name: str, **values: Any) -> URLPattern:
    return path(route, view.as_view(contract_name=name, **values), name=name)


ENDPOINT = "webhook-endpoints/<message_id:endpoint_id>"
DELIVERY = "webhook-deliveries/<row_id:delivery_id>"
urlpatterns = [
    _endpoint("messages", Messages, "messages"),
    _endpoint("messages/batch", BatchOfMessages, "messages-batch"),
    _endpoint("messages/stream", StreamOfMessages, "messages-stream"),
    _endpoint("messages/cancel", CancellingMany, "messages-cancel"),
    _endpoint("messages/<message_id:message_id>", OneMessage, "message"),
    _endpoint("events", Events, "events"),
    _endpoint("webhook-endpoints", WebhookEndpoints, "webhook-endpoints"),
    _endpoint(ENDPOINT, OneWebhookEndpoint, "webhook-endpoint"),
    _endpoint(f"{ENDPOINT}/rotate-secret", RotatingSecret, "webhook-rotate-secret"),
    _endpoint(f"{ENDPOINT}/ping", Pinging, "webhook-ping"),
    _endpoint(f"{ENDPOINT}/replay", Replaying, "webhook-replay"),
    _endpoint(f"{ENDPOINT}/deliveries", DeliveriesOfEndpoint, "webhook-deliveries"),
    _endpoint(DELIVERY, OneWebhookDelivery, "webhook-delivery"),
    _endpoint(f"{DELIVERY}/replay", ReplayingOne, "webhook-delivery-replay"),
    _endpoint("campaigns", Campaigns, "campaigns"),
    _endpoint("campaigns/<row_id:pk>", OneCampaign, "campaign"),
    _endpoint("campaigns/<row_id:pk>/rows", Rows, "campaign-rows"),
    _endpoint("campaigns/<row_id:pk>/results", Results, "campaign-results"),
    _endpoint("campaigns/<row_id:pk>/replay", Replay, "campaign-replay"),
    *(
        _endpoint(f"campaigns/<row_id:pk>/{name}", view, f"campaign-{name}")
        for name, view in ACTIONS.items()
    ),
    _endpoint("schedules", Schedules, "schedules"),
    _endpoint("schedules/<row_id:pk>", OneSchedule, "schedule"),
    _endpoint("schedules/<row_id:pk>/pause", Switch, "schedule-pause"),
    _endpoint("schedules/<row_id:pk>/resume", Switch, "schedule-resume", is_on=True),
    _endpoint("templates", Templates, "templates"),
    _endpoint("templates/<template_code:code>", OneTemplate, "template"),
    _endpoint("templates/<template_code:code>/preview", Preview, "template-preview"),
    _endpoint("templates/<template_code:code>/counts", Counts, "template-counts"),
    _endpoint("accounts", Accounts, "accounts"),
    _endpoint("accounts/<slug:account>/recipients", Recipients, "recipients"),
    _endpoint("accounts/<slug:account>/recipients/resolve", Resolve, "resolve"),
    _endpoint("accounts/<slug:account>/recipients/<openid:openid>", OneRecipient, "recipient"),
    _endpoint("messages/<message_id:message_id>/cancel", Cancelling, "message-cancel"),
]
