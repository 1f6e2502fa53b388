"""Recipients, messages with their events, API clients, WeChat's pushes, the audit trail."""

from notifier.models import among as among  # the lookup is registered
from notifier.models.anomalies import (
    Anomaly,
    AnomalyState,
    Basis,
    Measure,
    MeasuredWindow,
    Silence,
)
from notifier.models.audit import Action, ActorKind, AuditEntry
from notifier.models.authenticators import Authenticator
from notifier.models.campaigns import (
    CAMPAIGN_MOVES,
    Audience,
    Campaign,
    CampaignRow,
    CampaignState,
)
from notifier.models.clients import ApiClient
from notifier.models.counts import MessageCount
from notifier.models.errcode_notes import ErrcodeNote
from notifier.models.events import TOLD, ClientEvent, EventLog, EventType, OutboxEntry
from notifier.models.fallbacks import FallbackCause, FallbackSend
from notifier.models.gateways import Gateway, GatewayMessage
from notifier.models.groups import RecipientGroup, WeChatTag
from notifier.models.imports import ImportState, RecipientImport
from notifier.models.keys import Allowance, ApiKey, Scope
from notifier.models.labels import MessageLabel
from notifier.models.login_failures import LoginFailures
from notifier.models.masks import masked_email, masked_name, masked_openid, masked_phone
from notifier.models.messages import MOVES, Message, MessageEvent, Reason, State
from notifier.models.priority import Priority
from notifier.models.processes import Process
from notifier.models.pushes import Push
from notifier.models.recipients import UNMOVED, Recipient, RecipientState
from notifier.models.schedules import Late, Schedule
from notifier.models.segments import Segment
from notifier.models.suppressions import Suppression
from notifier.models.syncs import FollowerSync, SyncPhase, SyncState
from notifier.models.webhooks import OffBecause, Outcome, WebhookDelivery, WebhookEndpoint

__all__ = [
    "CAMPAIGN_MOVES",
    "MOVES",
    "TOLD",
    "UNMOVED",
    "Action",
    "ActorKind",
    "Allowance",
    "Anomaly",
    "AnomalyState",
    "ApiClient",
    "ApiKey",
    "Audience",
    "AuditEntry",
    "Authenticator",
    "Basis",
    "Campaign",
    "CampaignRow",
    "CampaignState",
    "ClientEvent",
    "ErrcodeNote",
    "EventLog",
    "EventType",
    "FallbackCause",
    "FallbackSend",
    "FollowerSync",
    "Gateway",
    "GatewayMessage",
    "ImportState",
    "Late",
    "LoginFailures",
    "Measure",
    "MeasuredWindow",
    "Message",
    "MessageCount",
    "MessageEvent",
    "MessageLabel",
    "OffBecause",
    "OutboxEntry",
    "Outcome",
    "Priority",
    "Process",
    "Push",
    "Reason",
    "Recipient",
    "RecipientGroup",
    "RecipientImport",
    "RecipientState",
    "Schedule",
    "Scope",
    "Segment",
    "Silence",
    "State",
    "Suppression",
    "SyncPhase",
    "SyncState",
    "WeChatTag",
    "WebhookDelivery",
    "WebhookEndpoint",
    "masked_email",
    "masked_name",
    "masked_openid",
    "masked_phone",
]
