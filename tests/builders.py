"""Rows for tests: valid by default, every part can be given."""

import itertools
from datetime import timedelta
from typing import Any

from django.utils import timezone

from notifier.intake.accept import Origin, SendRequest, accept
from notifier.models import (
    Anomaly,
    ApiClient,
    ClientEvent,
    Gateway,
    GatewayMessage,
    Message,
    Recipient,
    Schedule,
    Silence,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifier.models.ids import new_message_id
from notifier.recipients.directory import Address
from templates_app.models import MessageTemplate, OfficialAccount, TemplateVersion
from templates_app.publishing import publish

_numbers = itertools.count(1)

CONTENT = "订单号:{{character_string1.DATA}}\n商品:{{thing2.DATA}}\n时间:{{time3.DATA}}"
DATA = {"order_no": "A-1001", "product": "云南白茶", "at": "2026-11-24 10:00"}
PATTERNS = {
    "character_string1": "{{ order_no }}",
    "thing2": "{{ product }}",
    "time3": "{{ at }}",
}


def openid(name: str = "") -> str:
    return f"oTEST{name or next(_numbers)}".ljust(28, "x")


def magic(name: str) -> str:
    return f"oSIM-{name}".ljust(28, "_")


def make_account(**values: Any) -> OfficialAccount:
    number = next(_numbers)
    defaults = {
        "slug": f"account-{number}",
        "name": f"Account {number}",
        "appid": f"wx{number:016x}",
        "original_id": f"gh_{number:012x}",
        "app_secret": f"{number:032x}",
        "callback_token": "callbacktoken",
    }
    return OfficialAccount.objects.create(**defaults | values)


def make_template(account: OfficialAccount | None = None, **values: Any) -> MessageTemplate:
    template = MessageTemplate.objects.create(
        account=account or make_account(),
        code=values.pop("code", f"order-{next(_numbers)}"),
        name="Order",
    )
    publish(make_version(template, **values), by="test")
    template.refresh_from_db()
    return template


def make_version(
    template: MessageTemplate, patterns: dict[str, str] = PATTERNS, **values: Any
) -> TemplateVersion:
    defaults = {
        "wechat_template_id": f"tpl{next(_numbers)}".ljust(43, "x"),
        "title": "订单通知",
        "content": CONTENT,
    }
    version = TemplateVersion.objects.create(template=template, **defaults | values)
    version.make_fields()
    for key, pattern in patterns.items():
        version.fields.filter(key=key).update(pattern=pattern)
    return version


def make_recipient(account: OfficialAccount, **values: Any) -> Recipient:
    return Recipient.objects.create(account=account, **{"openid": openid()} | values)


def make_client(**values: Any) -> ApiClient:
    return ApiClient.objects.create(**{"name": f"service-{next(_numbers)}"} | values)


def make_endpoint(client: ApiClient, **values: Any) -> WebhookEndpoint:
    """Of a service that nobody listens at, by default."""
    endpoint = WebhookEndpoint(client=client, **{"url": "http://127.0.0.1:9/hooks"} | values)
    if not endpoint.secret:
        endpoint.new_secret(now())
    endpoint.save()
    return endpoint


def make_delivery(endpoint: WebhookEndpoint, message: Message, **values: Any) -> WebhookDelivery:
    """Of the message's cancellation."""
    event = ClientEvent.objects.create(
        type="message.cancelled",
        state="cancelled",
        at=now(),
        created_at=now(),
        client=endpoint.client,
        message=message,
    )
    of = {"event": event, "endpoint": endpoint, "due_at": now()}
    return WebhookDelivery.objects.create(**of | values)


def make_schedule(client: ApiClient, template: MessageTemplate, person: Recipient) -> Schedule:
    return Schedule.objects.create(
        client=client,
        account=template.account,
        recipient=person,
        name="每周提醒",
        template=template.code,
        request={"data": DATA},
        cron="0 9 * * mon",
        zone="Asia/Shanghai",
        next_at=timezone.now(),
    )


def make_anomaly(
    account: OfficialAccount, template: MessageTemplate | None = None, **values: Any
) -> Anomaly:
    """Twelve of a hundred fail, since ten minutes ago."""
    ends = now()
    defaults = {
        "measure": "failure",
        "state": "open",
        "begun_at": ends - timedelta(minutes=10),
        "seen_at": ends,
        "value": 0.12,
        "worst": 0.2,
        "usual": 0.004,
        "limit": 0.024,
        "count": 340,
        "basis": "week",
        "points": 8,
        "facts": {"errcodes": {"40037": 40}},
    }
    return Anomaly.objects.create(account=account, template=template, **defaults | values)


QUOTA = {"used": 81_000, "allowed": 99_000, "per_hour": 9_000}
QUOTA |= {"ends_at": "2026-11-26T10:30:00Z", "resets_at": "2026-11-26T16:00:00Z"}
QUEUE = {"waiting": 1_204, "age": 840, "accepted": 120, "settled": 80, "empty_at": None}


def make_silence(
    account: OfficialAccount | None, template: MessageTemplate | None = None, **values: Any
) -> Silence:
    until = now() + timedelta(hours=8)
    of = {"account": account, "template": template, "until": until, "reason": "微信维护"}
    return Silence.objects.create(**of | values)


def make_gateway(
    client: ApiClient, account: OfficialAccount, *messages: Message, **values: Any
) -> Gateway:
    """`messages`: of which the client knows."""
    gateway = Gateway.objects.create(client=client, account=account, **values)
    for message in messages:
        GatewayMessage.objects.create(gateway=gateway, message=message)
    return gateway


def make_message(
    template: MessageTemplate | None = None, recipient: Recipient | None = None, **values: Any
) -> Message:
    """Through intake, as every message; `values` go to SendRequest."""
    template = template or make_template()
    recipient = recipient or make_recipient(template.account)
    request = {
        "template": template.code,
        "to": Address(openid=recipient.openid),
        "data": DATA,
    }
    origin = values.pop("origin", Origin())
    return accept(SendRequest(**request | values), origin).message


def copies(message: Message, count: int) -> list[Message]:
    """`count` more messages like it, each with its own id, as one statement."""
    values = {field.attname: getattr(message, field.attname) for field in message._meta.fields}
    ids = [new_message_id() for _ in range(count)]
    return Message.objects.bulk_create(
        Message(**values | {"id": pk, "payload": message.payload.replace(message.id.hex, pk.hex)})
        for pk in ids
    )


def set_message(message: Message, **values: Any) -> Message:
    Message.objects.filter(pk=message.pk).update(**values)
    message.refresh_from_db()
    return message


now = timezone.now
