"""template/get_all_private_template: WeChat's list as it was at the last sync."""

from collections.abc import Mapping
from typing import Any

from notifier.gateway.callers import Caller
from templates_app.models import ListedTemplate


def templates(caller: Caller, _query: Mapping[str, str], _body: bytes) -> dict[str, Any]:
    rows = ListedTemplate.objects.filter(account_id=caller.account_id, gone_since=None)
    return {
        "template_list": [
            {
                "template_id": row.wechat_template_id,
                "title": row.title,
                "primary_industry": "",
                "deputy_industry": "",
                "content": row.content,
                "example": row.example,
            }
            for row in rows.order_by("pk")
        ]
    }
