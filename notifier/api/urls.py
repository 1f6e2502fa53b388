"""/api/v1/"""

from django.urls import path, register_converter
from django.urls.converters import IntConverter, UUIDConverter

from notifier.api.batch import BatchOfMessages, StreamOfMessages
from notifier.api.events import Events
from notifier.api.views import Cancelling, Messages, OneMessage
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


class RowNumber(IntConverter):
    """No more digits than a database's number has."""

    regex = "[0-9]{1,18}"


register_converter(HexId, "message_id")
register_converter(RowNumber, "row_number")
ENDPOINT = "webhook-endpoints/<message_id:endpoint_id>"
DELIVERY = "webhook-deliveries/<row_number:delivery_id>"

urlpatterns = [
    path("messages", Messages.as_view(), name="messages"),
    path("messages/batch", BatchOfMessages.as_view(), name="messages-batch"),
    path("messages/stream", StreamOfMessages.as_view(), name="messages-stream"),
    path("events", Events.as_view(), name="events"),
    path("messages/<message_id:message_id>", OneMessage.as_view(), name="message"),
    path("messages/<message_id:message_id>/cancel", Cancelling.as_view(), name="message-cancel"),
    path("webhook-endpoints", WebhookEndpoints.as_view(), name="webhook-endpoints"),
    path(ENDPOINT, OneWebhookEndpoint.as_view(), name="webhook-endpoint"),
    path(f"{ENDPOINT}/rotate-secret", RotatingSecret.as_view(), name="webhook-rotate-secret"),
    path(f"{ENDPOINT}/ping", Pinging.as_view(), name="webhook-ping"),
    path(f"{ENDPOINT}/replay", Replaying.as_view(), name="webhook-replay"),
    path(f"{ENDPOINT}/deliveries", DeliveriesOfEndpoint.as_view(), name="webhook-deliveries"),
    path(DELIVERY, OneWebhookDelivery.as_view(), name="webhook-delivery"),
    path(f"{DELIVERY}/replay", ReplayingOne.as_view(), name="webhook-delivery-replay"),
]
