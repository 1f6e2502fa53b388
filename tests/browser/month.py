"""A month of sends: messages in each state, the figures of thirty days, imports in each state."""

from datetime import timedelta
from typing import Any

from notifier.models import (
    ErrcodeNote,
    FallbackSend,
    GatewayMessage,
    Message,
    MessageCount,
    MessageEvent,
    RecipientImport,
)
from notifier.models.counts import ACCEPTED, ANSWER, Span
from templates_app.models import MessageTemplate
from tests import builders
from tests.builders import now

STATES: dict[str, dict[str, Any]] = {
    "queued": {"reason": "retry", "attempts": 2},
    "sent": {},
    "delivered": {"receipt_status": "success"},
    "undelivered": {"receipt_status": "failed:user block"},
    "failed": {"errcode": 43101, "errmsg": "user refuse to accept the msg", "rid": "64a-1b"},
    "unknown": {"errmsg": "no answer in time"},
    "expired": {"reason": "account"},
    "cancelled": {"reason": "fallback"},
}


FAILURE = {"ms": 1203, "status": 503, "problem": "refused", "answer": "upstream is down"}


def webhooks(world: Any) -> None:
    """One that works, one that fails, one that the machine switched off."""
    url = "https://orders.example.com/hongyan/events?shop=hangzhou"
    works = builders.make_endpoint(world.service, url=url, description="订单状态回写")
    works.new_secret(now())
    works.save()
    since, later = now() - timedelta(hours=5), now() + timedelta(minutes=9)
    failing = {"failures": 41, "failing_since": since}
    fails = builders.make_endpoint(
        builders.make_client(name="会员忠诚度与积分服务平台"),
        url="https://loyalty.example.com/hooks",
        types=["message.failed", "message.fallback"],
        paused_until=later,
        **failing,
    )
    off = {"is_active": False, "off_because": "failing"}
    dead = builders.make_endpoint(world.service, url="https://old.example.com/h", **off, **failing)
    times = [(now() - timedelta(minutes=m)).isoformat(timespec="milliseconds") for m in (40, 30, 9)]
    bad = [{"at": at} | FAILURE for at in times]
    none = {"at": times[0], "ms": 3001, "status": None, "problem": "connect_timeout", "answer": ""}
    good = {"at": times[2], "ms": 37, "status": 204, "problem": "", "answer": ""}
    told = {"outcome": "delivered", "due_at": None, "tries": 2, "log": [bad[0], good]}
    given_up = {"outcome": "failed", "due_at": None, "tries": 11, "log": [none, *bad]}
    for _ in range(8):
        builders.make_delivery(works, world.delivered, **told)
    world.rows |= {
        "endpoint": works,
        "endpoint_fails": fails,
        "endpoint_off": dead,
        "delivery": builders.make_delivery(works, world.delivered, **told),
        "delivery_failed": builders.make_delivery(dead, world.failed, **given_up),
        "delivery_waits": builders.make_delivery(
            fails, world.failed, due_at=later, tries=3, log=bad
        ),
        "delivery_new": builders.make_delivery(works, world.cancelled),
    }


def messages(world: Any) -> None:
    service = builders.make_client(name="订单中心（华东机房）")
    builders.make_client(name="营销活动平台", is_active=False)
    service.make_key(expires_at=now() + timedelta(days=90))
    service.make_key()
    service.keys.order_by("pk").filter(expires_at=None).update(last_used_at=now())
    gateway = builders.make_gateway(
        service, world.account, callback_url="https://shop.example.com/wechat/callback?shop=1"
    )
    world.rows |= {"service": service, "gateway": gateway}
    schedule = builders.make_schedule(service, world.template, world.person)
    world.rows |= {"schedule": schedule, "key": service.keys.order_by("pk")[0]}
    MessageTemplate.objects.filter(pk=world.template.pk).update(fallback="email")
    first = builders.make_message(world.template, world.person)
    accepted = now() - timedelta(minutes=1)
    Message.objects.filter(pk=first.pk).update(client=service, created_at=accepted)
    first.refresh_from_db()
    builders.copies(first, 60)
    for state, values in STATES.items():
        (message,) = builders.copies(first, 1)
        at, told = now() - timedelta(seconds=40), {"errcode": values.get("errcode")}
        is_tried = state not in ("queued", "expired", "cancelled")
        sent = {"msgid": "4001234567890123456", "sent_at": now()} if is_tried else {}
        builders.set_message(message, state=state, **sent | values)
        events = [("sending", {"attempt": 1}), ("queued", {"reason": "retry", "next_at": now()})]
        events += [(state, told | {"detail": values.get("errmsg", ""), "duration_ms": 43})]
        for second, (name, more) in enumerate(events):
            when = at + timedelta(seconds=second * 10)
            MessageEvent.objects.create(message=message, state=name, at=when, **more)
        world.rows[state] = message
    told = {"ended_at": now(), "attempts": 1}
    for state, values in {
        "delivered": told | {"pushed_at": now()},
        "failed": told | {"attempts": 3, "due_at": now(), "detail": "HTTP 502"},
        "unknown": told | {"attempts": 11, "detail": "timeout"},
        "sent": {"due_at": now()},
    }.items():
        GatewayMessage.objects.create(gateway=gateway, message=world.rows[state], **values)
    FallbackSend.objects.create(
        message=world.cancelled, cause="outage", created_at=now(), sent_at=now()
    )
    ErrcodeNote.objects.create(
        errcode=43101,
        text="先在会员群里说明，再请用户重新允许接收。\n值班电话见内网。",
        changed_by="li.ming",
    )


def figures(world: Any) -> None:
    """Thirty days of three templates."""
    this = now().replace(minute=0, second=0, microsecond=0)
    shares = {ACCEPTED: 1_240, "sent": 1_201, "delivered": 1_187, "undelivered": 14, "failed": 9}
    rows = [
        MessageCount(
            span=Span.HOUR,
            begins=this - timedelta(hours=hour),
            account_id=world.account.pk,
            template_id=template.pk,
            state=state,
            shard=0,
            count=count * (1 + hour % 5),
            on_time=count if state == "sent" else 0,
            waited_ms=count * 900 if state == "sent" else 0,
        )
        for hour in range(0, 24 * 30)
        for template in (world.template, world.held, world.drifted)
        for state, count in shares.items()
    ]
    rows += [
        MessageCount(
            span=Span.HOUR,
            begins=this - timedelta(hours=hour),
            account_id=world.account.pk,
            template_id=world.template.pk,
            state=ANSWER,
            errcode=errcode,
            shard=0,
            count=count,
        )
        for hour in range(0, 48)
        for errcode, count in ((43101, 1_207), (43004, 312), (40037, 25), (999_999, 1))
    ]
    MessageCount.objects.bulk_create(rows, batch_size=500)


EXCEL = "was changed by Excel into %(value)s; format the column as text and enter it again"
PROBLEMS = [
    [3, "邮箱", "is not an e-mail address", {}],
    [7, "手机号", EXCEL, {"value": "1.38E+10"}],
    [12, "openid", "is empty; every row needs an OpenID", {}],
]
RUNS: dict[str, dict[str, Any]] = {
    "checking": {"percent": 40, "claimed_by": "a worker"},
    "checked": {"rows": 1_203, "new": 900, "changed": 80, "unchanged": 220, "wrong": 3},
    "applying": {
        "percent": 63,
        "claimed_by": "a worker",
        "rows": 120_300,
        "new": 60_200,
        "confirmed_by": "li.ming",
    },
    "done": {"rows": 1_000_000, "new": 998_500, "unchanged": 1_500, "confirmed_by": "li.ming"},
    "unreadable": {
        "error": ["The file is empty, or its first row has no headers.", {}],
        "has_files": False,
    },
    "stopped": {"rows": 500, "new": 200, "confirmed_by": "li.ming", "percent": 40},
    "discarded": {"rows": 12, "new": 12, "has_files": False},
}


def imports(world: Any) -> None:
    for state, values in RUNS.items():
        world.rows[f"import_{state}"] = RecipientImport.objects.create(
            account=world.account,
            file_name=f"华东区会员名单-二〇二六年十一月-{state}.xlsx",
            requested_by="li.ming",
            language="zh-hans",
            state=state,
            finished_at=None if state in ("checking", "applying") else now(),
            problems=PROBLEMS if values.get("wrong") else [],
            ignored_columns=["备注", "生日"] if state == "checked" else [],
            new_groups=["新会员"] if state == "checked" else [],
            **values,
        )
