"""What PATCH /campaigns/{id} sets: the fields of its creation, by the same rules; what is not named
stays."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from notifier.api.campaign_bodies import AudienceBody, CampaignBody, wrong
from notifier.intake.allowed import sendable_or_reject
from notifier.models import Allowance, Audience, Campaign, Priority

CampaignChanges = msgspec.defstruct(
    "CampaignChanges",
    [(one.name, one.type | UnsetType, UNSET) for one in msgspec.structs.fields(CampaignBody)],
    namespace={"__doc__": "PATCH /campaigns/{id}: what is not named stays."},
    forbid_unknown_fields=True,
)
decode_changes = msgspec.json.Decoder(CampaignChanges).decode
_ANY: dict[str, Any] = {"name": "-", "template": "-", "audience": AudienceBody(rows=True)}
"""In place of what must be named when a campaign is made."""


def values_of(body: Struct, campaign: Campaign, allowance: Allowance) -> dict[str, Any]:
    """The columns. Raises InvalidRequest, Rejected."""
    given = {
        name: value for name, value in msgspec.structs.asdict(body).items() if value is not UNSET
    }
    whole = CampaignBody(**_ANY | given)
    values = {name: value for name, value in whole.columns().items() if name in given}
    if "data" in given:
        values["data"] = whole.data
    if "priority" in given:
        values["priority"] = Priority[whole.priority.upper()]
    values |= _template(given.get("template"), values, campaign, allowance)
    account_id = values.get("account_id", campaign.account_id)
    chosen = whole.chosen(account_id)
    if "audience" in given:
        values |= dict.fromkeys(("segment", "group", "tag")) | chosen
        values |= {"upload_name": ""} if chosen["audience"] != Audience.UPLOAD else {}
    elif account_id != campaign.account_id and campaign.audience != Audience.UPLOAD:
        text = "The template is of another account: name an audience of that account, too."
        raise wrong("/audience", text, "missing_field")
    return values


def _template(
    code: str | None, values: dict[str, Any], campaign: Campaign, allowance: Allowance
) -> dict[str, Any]:
    """The version that is sent now, if the template is named. Raises Rejected where the key may
    not send it, or not so urgently."""
    if code is None and "priority" not in values:
        return {}
    priority = Priority(values.get("priority", campaign.priority))
    template = sendable_or_reject(code or campaign.version.template.code, priority, allowance)
    if code is None:
        return {}
    return {"account_id": template.account_id, "version_id": template.version_id}
