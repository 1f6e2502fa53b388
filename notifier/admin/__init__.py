"""The admin's pages of messages, recipients and API clients: they display and delegate."""

from django.contrib import admin
from django_rq.models import Dashboard

from notifier.admin.clients import ApiClientAdmin
from notifier.admin.imports import RecipientImportAdmin
from notifier.admin.messages import MessageAdmin
from notifier.admin.people import GroupAdmin, UserAdmin
from notifier.admin.recipients import RecipientAdmin

__all__ = [
    "ApiClientAdmin",
    "GroupAdmin",
    "MessageAdmin",
    "RecipientAdmin",
    "RecipientImportAdmin",
    "UserAdmin",
]

admin.site.unregister(Dashboard)  # no model of ours: RQ's pages have an address and a menu item
