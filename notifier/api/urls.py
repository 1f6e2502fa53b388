"""/api/v1/"""

from django.urls import path, register_converter
from django.urls.converters import UUIDConverter

from notifier.api.batch import BatchOfMessages, StreamOfMessages
from notifier.api.events import Events
from notifier.api.views import Cancelling, Messages, OneMessage


class HexId(UUIDConverter):
    """A message's id: 32 hexadecimal digits, or the same with hyphens."""

    regex = "[0-9a-f]{32}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"


register_converter(HexId, "message_id")

urlpatterns = [
    path("messages", Messages.as_view(), name="messages"),
    path("messages/batch", BatchOfMessages.as_view(), name="messages-batch"),
    path("messages/stream", StreamOfMessages.as_view(), name="messages-stream"),
    path("events", Events.as_view(), name="events"),
    path("messages/<message_id:message_id>", OneMessage.as_view(), name="message"),
    path("messages/<message_id:message_id>/cancel", Cancelling.as_view(), name="message-cancel"),
]
