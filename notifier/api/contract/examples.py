"""A request of each kind, as a service would send it."""

from typing import Any

PROBLEM: dict[str, Any] = {
    "type": "urn:hongyan:problem:rejected",
    "title": "The message cannot be accepted.",
    "status": 422,
    "detail": "At most 20 characters are allowed; this has 27.",
    "errors": [
        {
            "pointer": "/data/product",
            "code": "too_long",
            "detail": "At most 20 characters are allowed; this has 27.",
        }
    ],
    "request_id": "b7f2c9f6f7f94b2f8a4f1f0f2c3d4e5f",
}
MESSAGE: dict[str, Any] = {
    "template": "order-shipped",
    "to": {"user": "u-1001"},
    "data": {"order_no": "20261124001", "product": "云南白茶", "time": "2026-11-24 10:30"},
    "metadata": {"order_no": "20261124001"},
}
DECISION = {"checked_at": "2026-11-26T07:00:00.123456+00:00"}
EXAMPLES: dict[tuple[str, str], Any] = {
    ("messages", "POST"): MESSAGE,
    ("messages-batch", "POST"): {
        "messages": [MESSAGE | {"idempotency_key": "order-20261124001"}],
        "all_or_nothing": False,
    },
    ("messages-stream", "POST"): MESSAGE | {"idempotency_key": "order-20261124001"},
    ("messages-cancel", "POST"): {"metadata": {"order_no": "20261124001"}},
    ("schedules", "POST"): {
        "name": "Weekly reminder",
        "cron": "0 9 * * mon",
        "zone": "Asia/Shanghai",
        "late": "once",
        "message": MESSAGE,
    },
    ("campaigns", "POST"): {
        "name": "双十一",
        "template": "order-shipped",
        "data": MESSAGE["data"],
        "audience": {"segment": "杭州会员"},
        "pace": 100,
    },
    ("campaign", "PATCH"): {"send_at": None, "data": {"time": "2026-11-25 10:30"}},
    ("campaign-rows", "PUT"): {"user": "u-1001", "data": {"order_no": "20261124001"}},
    ("campaign-replay", "POST"): {"name": "双十一 · 补发", "status": ["failed", "expired"]},
    ("campaign-launch", "POST"): DECISION,
    ("campaign-approve", "POST"): DECISION,
    ("template-preview", "POST"): {"data": MESSAGE["data"]},
    ("recipients", "PUT"): {
        "recipients": [{"openid": "oAbc_123", "user": "u-1001", "name": "李雷", "groups": ["会员"]}]
    },
    ("recipient", "PUT"): {
        "user": "u-1001",
        "phone": "13800138000",
        "attributes": {"city": "杭州", "level": 3, "newsletter": True, "old_plan": None},
    },
    ("resolve", "POST"): {"to": [{"user": "u-1001"}, {"phone": "13800138000"}]},
    ("webhook-endpoints", "POST"): {
        "url": "https://shop.example.com/hooks",
        "types": ["message.failed", "message.undelivered"],
    },
    ("webhook-endpoint", "PATCH"): {"active": False},
    ("webhook-replay", "POST"): {"since": "2026-11-25T00:00:00Z", "which": "missed"},
}
