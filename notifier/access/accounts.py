"""Where each model's account is: the one table behind all limits to accounts."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from templates_app.access import PATHS, accounts_of

ACCOUNT_OF: dict[str, str | None] = {
    "templates_app.OfficialAccount": "pk",
    "templates_app.ListedTemplate": "account",
    "templates_app.MessageTemplate": "account",
    "templates_app.TemplateVersion": "template__account",
    "templates_app.TemplateField": "version__template__account",
    "notifier.Recipient": "account",
    "notifier.RecipientGroup": "account",
    "notifier.RecipientImport": "account",
    "notifier.WeChatTag": "account",
    "notifier.Segment": "account",
    "notifier.Suppression": "recipient__account",
    "notifier.FollowerSync": "account",
    "notifier.SeenFollower": "sync__account",
    "notifier.Schedule": "account",
    "notifier.Campaign": "account",
    "notifier.CampaignRow": "campaign__account",
    "notifier.Message": "account",
    "notifier.MessageEvent": "message__account",
    "notifier.MessageLabel": "message__account",
    "notifier.MessageCount": "account_id",
    "notifier.MeasuredWindow": "account_id",
    "notifier.Anomaly": "account",
    "notifier.Silence": "account",
    "notifier.FallbackSend": "message__account",
    "notifier.Gateway": "account",
    "notifier.GatewayMessage": "message__account",
    "notifier.Push": "account",
    "notifier.OutboxEntry": "message__account",
    "notifier.ClientEvent": "message__account",
    "notifier.WebhookDelivery": "event__message__account",
    # These reach over all accounts: who is limited sees none of them, whatever their roles. With a
    # client's key one sends through every account, and who keeps users has no limit.
    "templates_app.AccountAccess": None,
    "notifier.ApiClient": None,
    "notifier.ApiKey": None,
    "notifier.WebhookEndpoint": None,
    "notifier.EventLog": None,
    "notifier.AuditEntry": None,
    "notifier.Process": None,
    "auth.User": None,
    "auth.Group": None,
    "auth.Permission": None,
}
OVER_ALL = frozenset(label.lower() for label, path in ACCOUNT_OF.items() if path is None)
CLOSED = frozenset({"django_rq.admin", "templates_app.add_officialaccount"})
"""Permissions that reach over all accounts, too."""


def fill() -> None:
    PATHS.update(ACCOUNT_OF)


class LimitedBackend(ModelBackend):
    """Django's own; who is limited to accounts has no permission that reaches over all of them."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        able = super().has_perm(user_obj, perm, obj)
        return able and not (reaches_over_all(perm) and accounts_of(user_obj) is not None)


def reaches_over_all(permission: str) -> bool:
    """`permission`: app.action_model"""
    app, _dot, codename = permission.partition(".")
    return permission in CLOSED or f"{app}.{codename.rpartition('_')[2]}" in OVER_ALL
