"""/api/v1/"""

from django.urls import path, register_converter
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
from notifier.api.recipients import Accounts, OneRecipient, Recipients, Resolve
from notifier.api.schedules import OneSchedule, Schedules, Switch
from notifier.api.templates import Counts, OneTemplate, Preview, Templates
from notifier.api.views import Cancelling, CancellingMany, Messages, OneMessage


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

urlpatterns = [
    path("messages", Messages.as_view(), name="messages"),
    path("messages/batch", BatchOfMessages.as_view(), name="messages-batch"),
    path("messages/stream", StreamOfMessages.as_view(), name="messages-stream"),
    path("messages/cancel", CancellingMany.as_view(), name="messages-cancel"),
    path("messages/<message_id:message_id>", OneMessage.as_view(), name="message"),
    path("campaigns", Campaigns.as_view(), name="campaigns"),
    path("campaigns/<row_id:pk>", OneCampaign.as_view(), name="campaign"),
    path("campaigns/<row_id:pk>/rows", Rows.as_view(), name="campaign-rows"),
    path("campaigns/<row_id:pk>/results", Results.as_view(), name="campaign-results"),
    path("campaigns/<row_id:pk>/replay", Replay.as_view(), name="campaign-replay"),
    *(
        path(f"campaigns/<row_id:pk>/{name}", view.as_view(), name=f"campaign-{name}")
        for name, view in ACTIONS.items()
    ),
    path("schedules", Schedules.as_view(), name="schedules"),
    path("schedules/<row_id:pk>", OneSchedule.as_view(), name="schedule"),
    path("schedules/<row_id:pk>/pause", Switch.as_view(), name="schedule-pause"),
    path("schedules/<row_id:pk>/resume", Switch.as_view(is_on=True), name="schedule-resume"),
    path("templates", Templates.as_view(), name="templates"),
    path("templates/<template_code:code>", OneTemplate.as_view(), name="template"),
    path("templates/<template_code:code>/preview", Preview.as_view(), name="template-preview"),
    path("templates/<template_code:code>/counts", Counts.as_view(), name="template-counts"),
    path("accounts", Accounts.as_view(), name="accounts"),
    path("accounts/<slug:account>/recipients", Recipients.as_view(), name="recipients"),
    path("accounts/<slug:account>/recipients/resolve", Resolve.as_view(), name="resolve"),
    path(
        "accounts/<slug:account>/recipients/<openid:openid>",
        OneRecipient.as_view(),
        name="recipient",
    ),
    path("messages/<message_id:message_id>/cancel", Cancelling.as_view(), name="message-cancel"),
]
