"""Campaigns in each state, for those who look at pages."""

from datetime import timedelta
from typing import Any

from notifier.models import Campaign, CampaignRow
from tests import builders
from tests.builders import now

FIGURES = {"delivered": 48_210, "sent": 310, "undelivered": 96, "failed": 41, "queued": 4_800}
REASON = ["%(bad)d of the last %(ended)d people block the account: above %(limit)s %%."]
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "draft": {"reason": ["The file is no longer there. Upload it again.", {}]},
    "checking": {"percent": 40},
    "checked": {"ignored_columns": ["备注", "生日"]},
    "submitted": {},
    "scheduled": {"send_at": now() + timedelta(days=1)},
    "canary": {"figures": {"sent": 480, "delivered": 120}},
    "running": {"figures": FIGURES, "per_second": 312.4},
    "paused": {
        "figures": FIGURES,
        "reason": [*REASON, {"bad": 57, "ended": 1000, "limit": "5"}],
    },
    "done": {"figures": {"delivered": 118_204, "undelivered": 301, "failed": 41}, "refused": 12},
    "cancelled": {
        "figures": FIGURES,
        "reason": ["Cancelled by %(who)s.", {"who": "li.ming"}],
        "audience_deleted_at": now(),
    },
}
CHECKED = {
    "total": 120_000,
    "ready": 118_546,
    "problems": {
        "recipient_unfollowed": 903,
        "unknown_recipient": 310,
        "too_long": 212,
        "doubled": 29,
    },
}


def campaigns(world: Any) -> None:
    for state, values in CAMPAIGNS.items():
        is_begun = "figures" in values
        is_checked = state not in ("draft", "checking")
        row = Campaign.objects.create(
            name=f"双十一会员专享（华东区企业客户）发货与售后提醒 {state}",
            account=world.account,
            version=world.template.published,
            data=builders.DATA,
            audience="upload",
            upload_name="华东区会员名单-二〇二六年十一月.xlsx",
            state=state,
            created_by="li.ming",
            editors=["li.ming", "wang.fang"],
            approved_by="zhao.min" if is_begun else "",
            checked_at=now() if is_checked else None,
            started_at=now() if is_begun else None,
            figures_at=now() if is_begun else None,
            finished_at=now() if state in ("done", "cancelled") else None,
            **(CHECKED if is_checked else {}),
            **values,
        )
        longest = CampaignRow.objects.create(
            campaign=row, number=17, recipient=world.person, data={"product": "武夷山大红袍" * 3}
        )
        if is_checked:
            row.longest = [longest.pk]
            row.save()
        world.rows[f"campaign_{state}"] = row
