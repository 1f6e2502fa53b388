"""Recipients, messages with their events, API clients, WeChat's pushes."""

from notifier.models.clients import ApiClient, ApiKey
from notifier.models.messages import MOVES, Message, MessageEvent, Priority, Reason, State
from notifier.models.pushes import Push
from notifier.models.recipients import Recipient, RecipientState, masked_openid

__all__ = [
    "MOVES",
    "ApiClient",
    "ApiKey",
    "Message",
    "MessageEvent",
    "Priority",
    "Push",
    "Reason",
    "Recipient",
    "RecipientState",
    "State",
    "masked_openid",
]
