"""The admin's pages of messages, recipients, API clients and the audit trail: they display and
delegate."""

from django.contrib import admin
from django_rq.models import Dashboard

from notifier.admin import who_sends
from notifier.admin.anomalies import AnomalyAdmin, SilenceAdmin
from notifier.admin.audit import AuditEntryAdmin
from notifier.admin.campaigns import CampaignAdmin
from notifier.admin.clients import ApiClientAdmin
from notifier.admin.gateways import GatewayAdmin
from notifier.admin.groups import RecipientGroupAdmin, SegmentAdmin
from notifier.admin.imports import RecipientImportAdmin
from notifier.admin.keys import ApiKeyAdmin
from notifier.admin.messages import MessageAdmin
from notifier.admin.people import GroupAdmin, UserAdmin
from notifier.admin.recipients import RecipientAdmin
from notifier.admin.schedules import ScheduleAdmin
from notifier.admin.suppressions import SuppressionAdmin
from notifier.admin.webhook_endpoints import WebhookEndpointAdmin
from notifier.admin.webhook_log import WebhookDeliveryAdmin

__all__ = [
    "AnomalyAdmin",
    "ApiClientAdmin",
    "ApiKeyAdmin",
    "AuditEntryAdmin",
    "CampaignAdmin",
    "GatewayAdmin",
    "GroupAdmin",
    "MessageAdmin",
    "RecipientAdmin",
    "RecipientGroupAdmin",
    "RecipientImportAdmin",
    "ScheduleAdmin",
    "SegmentAdmin",
    "SilenceAdmin",
    "SuppressionAdmin",
    "UserAdmin",
    "WebhookDeliveryAdmin",
    "WebhookEndpointAdmin",
    "who_sends",
]

admin.site.site_url = None  # there is no site beside the admin to go back to
admin.site.index_template = "notifier/dashboard.html"
admin.site.unregister(Dashboard)  # no model of ours: RQ's pages have an address and a menu item
