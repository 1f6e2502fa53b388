"""Messages WeChat accepted, what it remembers of each client_msg_id, and the pushes they cause."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from .accounts import Account, Template

KEPT = 200_000
REMEMBERED = 1_000_000


@dataclass(slots=True)
class Message:
    n: int
    msgid: int
    account: Account
    template: Template
    openid: str
    client_msg_id: str
    body: bytes
    received_at: float
    requests: int
    delivered: int
    receipt: str = ""
    """The status of a receipt that the callback acknowledged."""

    def parsed(self) -> dict[str, Any]:
        """The body as sent, without the data keys that the template does not have."""
        body: dict[str, Any] = orjson.loads(self.body)
        data = body.get("data") or {}
        body["data"] = {k.key: data[k.key] for k in self.template.keywords if k.key in data}
        return body

    def shown(self) -> dict[str, Any]:
        body = self.parsed()
        return {
            "n": self.n,
            "appid": self.account.appid,
            "msgid": str(self.msgid),
            "openid": self.openid,
            "template_id": self.template.template_id,
            "client_msg_id": self.client_msg_id,
            "data": body["data"],
            "url": body.get("url") or "",
            "miniprogram": body.get("miniprogram"),
            "received_at": self.received_at,
            "requests": self.requests,
            "delivered": self.delivered,
            "receipt": self.receipt,
        }


@dataclass(slots=True)
class Push:
    """One callback push to come: a message's receipt, or any event as `fields`."""

    account: Account
    fields: dict[str, Any] | None = None
    message: Message | None = None
    status: str = ""
    created_at: int = 0
    """WeChat repeats a push as it was, so that (sender, time) tells a repeated event."""
    attempt: int = 1

    def xml_fields(self) -> dict[str, Any]:
        if self.message is None:
            return self.fields or {}
        return {
            "ToUserName": self.account.original_id,
            "FromUserName": self.message.openid,
            "CreateTime": self.created_at,
            "MsgType": "event",
            "Event": "TEMPLATESENDJOBFINISH",
            "MsgID": self.message.msgid,
            "Status": self.status,
        }


@dataclass(slots=True)
class Attempts:
    """The calls that carried one client_msg_id to one follower."""

    since: float
    requests: int = 0
    message: Message | None = None


class Outbox:
    """Bounded: the oldest messages and the oldest memories go first."""

    def __init__(self) -> None:
        self.messages: dict[int, Message] = {}
        self.last = 0
        self._msgid = 0
        # Ordered: a dict walks over all that was deleted at its head to find the first.
        self._attempts: OrderedDict[tuple[str, str, str], Attempts] = OrderedDict()

    def clear(self) -> None:
        self.messages.clear()
        self._attempts.clear()

    def attempts(self, account: Account, openid: str, client_msg_id: str) -> Attempts:
        now = time.time()
        if not client_msg_id:
            return Attempts(now, 1)
        key = (account.appid, openid, client_msg_id)
        known = self._attempts.get(key)
        if known is None or now - known.since >= account.dedup_seconds:
            self._attempts.pop(key, None)
            known = self._attempts[key] = Attempts(now)
            if len(self._attempts) > REMEMBERED or len(self._attempts) % 64 == 0:
                self._forget(now)
        known.requests += 1
        if known.message is not None:
            known.message.requests = known.requests
        return known

    def _forget(self, now: float) -> None:
        while self._attempts:
            oldest = next(iter(self._attempts.values()))
            if now - oldest.since < 600 and len(self._attempts) <= REMEMBERED:
                break
            self._attempts.popitem(last=False)

    def accept(
        self, account: Account, template: Template, openid: str, client_msg_id: str, body: bytes
    ) -> Message:
        now = time.time_ns()
        # 19 digits until the year 2286, and never repeated by a restart.
        self._msgid = max(self._msgid + 1, now)
        self.last += 1
        message = Message(
            self.last, self._msgid, account, template, openid, client_msg_id, body, now / 1e9, 1, 1
        )
        self.messages[self.last] = message
        self.messages.pop(self.last - KEPT, None)
        return message

    def after(self, n: int) -> Iterator[Message]:
        first = next(iter(self.messages), self.last + 1)
        for number in range(max(n + 1, first), self.last + 1):
            message = self.messages.get(number)
            if message is not None:
                yield message
