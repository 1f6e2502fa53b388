"""The admin's pages of messages, recipients and API clients: they display and delegate."""

from notifier.admin.clients import ApiClientAdmin
from notifier.admin.messages import MessageAdmin
from notifier.admin.people import GroupAdmin, UserAdmin
from notifier.admin.recipients import RecipientAdmin

__all__ = ["ApiClientAdmin", "GroupAdmin", "MessageAdmin", "RecipientAdmin", "UserAdmin"]
