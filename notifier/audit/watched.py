"""Which models are audited, and what of them is not written down. A model stands in one of the two
tables, or `manage.py check` fails: nobody forgets to decide."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db.models import Field, Model

from notifier.models import Action, masked_openid
from templates_app.encryption import EncryptedTextField

Named = Mapping[str, tuple[Action, Action]]
"""field -> (what it is called when the field is filled, when it is emptied)"""


@dataclass(frozen=True, slots=True)
class Watched:
    """`masked`: personal data. `ignored`: fields that the machine moves. `name`: how a row is
    called, where its own text would tell personal data or too little."""

    masked: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    named: Named = field(default_factory=dict)
    name: Callable[[Any], str] = str


def _person(recipient: Any) -> str:
    return masked_openid(recipient.openid)


AUDITED: dict[str, Watched] = {
    "auth.User": Watched(
        masked=frozenset({"email", "first_name", "last_name"}), ignored=frozenset({"last_login"})
    ),
    "auth.Group": Watched(),
    "templates_app.AccountAccess": Watched(),
    "templates_app.OfficialAccount": Watched(),
    "templates_app.MessageTemplate": Watched(
        named={"held_since": (Action.HOLD, Action.RELEASE)},
    ),
    "templates_app.TemplateVersion": Watched(
        named={
            "published_at": (Action.PUBLISH, Action.CHANGE),
            "review_asked_at": (Action.ASK_FOR_REVIEW, Action.CHANGE),
        }
    ),
    "templates_app.TemplateField": Watched(name=lambda row: f"{row.version} · {row.key}"),
    "notifier.Recipient": Watched(
        masked=frozenset(
            {
                "openid",
                "user_id",
                "name",
                "email",
                "unionid",
                "phone_hash",
                "phone_shown",
                "attributes",
            }
        ),
        name=_person,
    ),
    "notifier.Suppression": Watched(name=lambda row: f"{_person(row.recipient)} · {row.template}"),
    "notifier.RecipientGroup": Watched(),
    "notifier.Segment": Watched(),
    "notifier.Campaign": Watched(
        ignored=frozenset(
            {
                "percent",
                "checked_at",
                "problems",
                "longest",
                "ignored_columns",
                "claimed_by",
                "lease_until",
                "attempts",
                "fed_until",
                "fed",
                "refused",
                "next_due_at",
                "canary_over",
                "canary_fed_at",
                "judged",
                "figures",
                "figures_at",
                "per_second",
            }
        )
    ),
    "notifier.Schedule": Watched(
        masked=frozenset({"request"}),
        ignored=frozenset({"next_at", "last_at", "last_message", "last_problem"}),
    ),
    "notifier.ApiClient": Watched(),
    "notifier.WebhookEndpoint": Watched(
        ignored=frozenset({"previous_until", "failures", "failing_since", "paused_until"})
    ),
    "notifier.Silence": Watched(),
    "notifier.Gateway": Watched(ignored=frozenset({"refreshed_at", "verified_at"})),
    "notifier.ErrcodeNote": Watched(),
    "notifier.ApiKey": Watched(
        ignored=frozenset({"last_used_at", "only_accounts", "only_templates"}),
        named={"revoked_at": (Action.REVOKE, Action.CHANGE)},
        name=lambda row: f"{row.client} · {row}",
    ),
}
NOT_AUDITED: dict[str, str] = {
    "notifier.Message": "has its own row for each, and its events",
    "notifier.CampaignRow": "the campaign's audience, as its pre-flight found it",
    "notifier.MessageEvent": "is a trail itself",
    "notifier.MessageLabel": "of its message, which is a trail itself",
    "notifier.MessageCount": "added up by the machine",
    "notifier.MeasuredWindow": "measured by the machine",
    "notifier.Anomaly": "made and moved by the machine; who silences one is recorded",
    "templates_app.ListedTemplate": "WeChat's own list, as synced",
    "notifier.RecipientImport": "moved by the machine; who starts one is recorded",
    "notifier.SeenFollower": "of a running sync",
    "notifier.FollowerSync": "moved by the machine; who starts one is recorded",
    "notifier.WeChatTag": "WeChat's own, as synced",
    "notifier.FallbackSend": "made and moved by the machine, shown with its message",
    "notifier.OutboxEntry": "a change of a message, on its way to the service",
    "notifier.ClientEvent": "a change of a message, as the service is told of it",
    "notifier.EventLog": "moved by the machine",
    "notifier.WebhookDelivery": "moved by the machine; who has them sent again is recorded",
    "notifier.GatewayMessage": "made and moved by the machine, shown with its gateway",
    "notifier.Process": "has no table; who profiles one is recorded",
    "notifier.Push": "what WeChat sent, kept as it came",
    "notifier.AuditEntry": "is the trail",
    "admin.LogEntry": "Django's own history, made beside the change",
    "auth.Permission": "made by migrations; who has it is a change of the user or group",
    "contenttypes.ContentType": "made by migrations",
    "sessions.Session": "logins and logouts are recorded",
    "django_rq.Dashboard": "has no table",
    "notifier.LoginFailures": "counted by the machine; failed logins and waits are recorded",
    "notifier.Authenticator": "moves with each code; set-up and removal are recorded, for its user",
    "otp_static.StaticDevice": "made and removed with the second factor, which is recorded",
    "otp_static.StaticToken": "recovery codes: made, used and removed with the second factor",
}
_SECRET = re.compile(r"password|secret|digest")


def is_hidden(column: "Field[Any, Any]") -> bool:
    """Of these only that they changed is written down."""
    return isinstance(column, EncryptedTextField) or bool(_SECRET.search(column.name))


def is_ignored(rule: Watched, column: "Field[Any, Any]") -> bool:
    automatic = getattr(column, "auto_now", False) or getattr(column, "auto_now_add", False)
    return column.primary_key or automatic or column.name in rule.ignored


def undecided(**_kwargs: Any) -> list[CheckMessage]:
    """A system check; registered in `notifier/checks.py`."""
    return [
        Error(
            f"Nobody has decided whether changes of {label} are audited.",
            hint="Name it in AUDITED or in NOT_AUDITED of notifier/audit/watched.py.",
            id="hongyan.E007",
        )
        for label in _labels()
        if label not in AUDITED and label not in NOT_AUDITED
    ]


def _labels() -> Iterator[str]:
    return (model._meta.label for model in apps.get_models())


@cache
def rules() -> dict[type[Model], Watched]:
    """By the model's class: those of migrations, which have the same names, are not among them."""
    return {apps.get_model(label): rule for label, rule in AUDITED.items()}
