"""Campaigns and their results as JSON values."""

from typing import Any

from django.utils import timezone

from notifier.api.campaign_bodies import moment_text
from notifier.campaigns import states
from notifier.campaigns.forecast import forecast
from notifier.models import Audience, Campaign, CampaignRow, CampaignState, Message, Priority
from notifier.models.campaigns import ENDED
from notifier.recipients.imports.problems import in_words

Json = dict[str, Any]


def whole(campaign: Campaign) -> Json:
    """`next`: who must do what now."""
    return listed(campaign) | {
        "data": campaign.data,
        "audience": _audience(campaign),
        "priority": Priority(campaign.priority).word,
        "send_at": moment_text(campaign.send_at),
        "zone": campaign.zone,
        "pace": campaign.pace,
        "canary_percent": campaign.canary_percent,
        "canary_minutes": campaign.canary_minutes,
        "most_failed": float(campaign.most_failed),
        "most_refused": float(campaign.most_refused),
        "most_blocked": float(campaign.most_blocked),
        "check": _check(campaign),
        "approved_by": campaign.approved_by or None,
        "started_at": moment_text(campaign.started_at),
        "finished_at": moment_text(campaign.finished_at),
        "forecast": _forecast(campaign),
    }


def listed(campaign: Campaign) -> Json:
    return {
        "id": campaign.pk,
        "name": campaign.name,
        "status": campaign.state,
        "reason": in_words(*campaign.reason) if campaign.reason else None,
        "account": campaign.account.slug,
        "template": campaign.version.template.code,
        "template_version": campaign.version.number,
        "replay_of": campaign.replay_of_id,
        "created_by": campaign.created_by,
        "created_at": moment_text(campaign.created_at),
        "messages": campaign.figures,
    }


def result(row: CampaignRow, message: Message | None) -> Json:
    """One person: what became of the message, or why there is none."""
    person = row.recipient
    without = "left_out" if row.problem else "deleted" if row.message_id else "waiting"
    return {
        "row": row.number,
        "openid": person and person.openid,
        "user": (person and person.user_id) or None,
        "status": message.state if message else without,
        "problem": row.problem or None,
        "message": row.message_id and row.message_id.hex,
        "errcode": message and message.errcode,
    }


def _audience(campaign: Campaign) -> Json:
    kind = Audience(campaign.audience)
    if kind is Audience.UPLOAD:
        return {"rows": True, "file": campaign.upload_name or None}
    chosen = getattr(campaign, kind.value)
    return {kind.value: chosen and chosen.name}


def _check(campaign: Campaign) -> Json | None:
    if campaign.state == CampaignState.CHECKING:
        return {"percent": campaign.percent}
    if campaign.checked_at is None or campaign.state == CampaignState.DRAFT:
        return None
    return {
        "checked_at": moment_text(campaign.checked_at),
        "people": campaign.total,
        "ready": campaign.ready,
        "problems": campaign.problems,
        "ignored_columns": campaign.ignored_columns,
        "needs_approval": states.needs_approval(campaign),
    }


def _forecast(campaign: Campaign) -> Json | None:
    if campaign.state in ENDED or campaign.checked_at is None:
        return None
    found = forecast(campaign, timezone.now())
    return {
        "remaining": found.remaining,
        "per_second": round(found.per_second, 1),
        "quota_left": found.quota_left,
        "ends_at": moment_text(found.ends_at),
    }
