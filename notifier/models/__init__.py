"""Recipients, messages with their events, API clients, WeChat's pushes, the audit trail."""

from notifier.models.audit import Action, ActorKind, AuditEntry
from notifier.models.clients import ApiClient, ApiKey
from notifier.models.counts import MessageCount
from notifier.models.errcode_notes import ErrcodeNote
from notifier.models.fallbacks import FallbackCause, FallbackSend
from notifier.models.login_failures import LoginFailures
from notifier.models.messages import MOVES, Message, MessageEvent, Priority, Reason, State
from notifier.models.pushes import Push
from notifier.models.recipients import Recipient, RecipientState, masked_openid
from notifier.models.suppressions import Suppression

__all__ = [
    "MOVES",
    "Action",
    "ActorKind",
    "ApiClient",
    "ApiKey",
    "AuditEntry",
    "ErrcodeNote",
    "FallbackCause",
    "FallbackSend",
    "LoginFailures",
    "Message",
    "MessageCount",
    "MessageEvent",
    "Priority",
    "Push",
    "Reason",
    "Recipient",
    "RecipientState",
    "State",
    "Suppression",
    "masked_openid",
]
