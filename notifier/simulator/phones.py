"""What the followers' phones show: the page's files, a snapshot, and the live stream."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import orjson

from .accounts import Account
from .answers import Answer
from .magic import MAGIC
from .outbox import Message
from .values import HISTORY_KEY
from .world import World

Event = MutableMapping[str, Any]
STATIC = Path(__file__).parent / "static"
FILES: dict[str, tuple[str, bytes]] = {
    "/": ("phones.html", b"text/html; charset=utf-8"),
    "/static/phones.css": ("phones.css", b"text/css; charset=utf-8"),
    "/static/phones.js": ("phones.js", b"text/javascript; charset=utf-8"),
}
CARDS = 50
LOOK_BACK = 20_000
LISTED = 60
WITH_MESSAGES = 100
TICK = 0.25
BURST = 200
FOLD = 20


def static(path: str) -> Answer:
    if path not in FILES:
        return Answer(b"not found", status=404, content_type=b"text/plain")
    name, content_type = FILES[path]
    return Answer((STATIC / name).read_bytes(), content_type=content_type)


def _rows(message: Message, data: dict[str, Any]) -> list[list[str]]:
    """Label and value; of history templates no first and remark, and 20 characters a value."""
    rows = []
    for keyword in message.template.keywords:
        given = data.get(keyword.key)
        text = str(given.get("value", "")) if isinstance(given, dict) else ""
        if HISTORY_KEY.fullmatch(keyword.key):
            if not keyword.key.startswith("keyword"):
                continue
            text = text if len(text) <= FOLD else text[:FOLD] + "…"
        rows.append([keyword.label, text])
    return rows


def card(message: Message) -> dict[str, Any]:
    body = message.parsed()
    return {
        "n": message.n,
        "appid": message.account.appid,
        "openid": message.openid,
        "account": message.account.name,
        "title": message.template.title,
        "time": message.received_at,
        "rows": _rows(message, body["data"]),
        "link": bool(body.get("url") or body.get("miniprogram")),
        "receipt": message.receipt,
    }


def _phone(account: Account, openid: str) -> dict[str, Any]:
    follower, magic = account.followers.get(openid), MAGIC.get(openid)
    return {
        "appid": account.appid,
        "account": account.name,
        "openid": openid,
        "name": follower.name if follower else (magic.zh if magic else ""),
        "zh": magic.zh if magic else "",
        "en": magic.en if magic else "",
        "unfollowed": follower is not None and not follower.subscribe,
    }


def snapshot(world: World) -> dict[str, Any]:
    """The latest cards, and the phones: those with messages first, newest on top."""
    cards: dict[tuple[str, str], list[Message]] = {}
    recent = list(world.outbox.after(world.outbox.last - LOOK_BACK))
    for message in reversed(recent):
        key = (message.account.appid, message.openid)
        if message.delivered and (key in cards or len(cards) < WITH_MESSAGES):
            kept = cards.setdefault(key, [])
            if len(kept) < CARDS:
                kept.append(message)
    keys = dict.fromkeys(cards)
    for account in world.accounts.values():
        listed = list(zip(account.followers, range(LISTED), strict=False))
        keys |= dict.fromkeys((account.appid, openid) for openid, _ in listed)
        keys |= dict.fromkeys((account.appid, openid) for openid in MAGIC)
    known = [key for key in keys if key[0] in world.accounts]
    return {
        "last": world.outbox.last,
        "phones": [_phone(world.accounts[appid], openid) for appid, openid in known],
        "cards": [card(message) for kept in cards.values() for message in kept],
    }


class Changes:
    """What one watcher of the stream has not seen yet."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.last = world.outbox.last
        self.receipts = world.pushes.acknowledged_total
        self.shape = self._shape()

    def _shape(self) -> tuple[int, ...]:
        accounts = self.world.accounts.values()
        return (self.world.resets, len(accounts), sum(len(a.followers) for a in accounts))

    def next(self) -> dict[str, Any]:
        world, changes = self.world, dict[str, Any]()
        if world.outbox.last > self.last:
            fresh = world.outbox.after(max(self.last, world.outbox.last - BURST))
            shown = [message for message in fresh if message.delivered]
            self.last = world.outbox.last
            changes["cards"] = [card(message) for message in shown]
            pairs = dict.fromkeys((message.account.appid, message.openid) for message in shown)
            phones = [_phone(world.accounts[a], o) for a, o in pairs if a in world.accounts]
            changes["phones"] = phones
        fresh_receipts = world.pushes.acknowledged_total - self.receipts
        if fresh_receipts:
            self.receipts = world.pushes.acknowledged_total
            numbers = world.pushes.acknowledged[-fresh_receipts:]
            known = [world.outbox.messages.get(n) for n in numbers]
            changes["receipts"] = [[m.n, m.receipt] for m in known if m is not None]
        if self._shape() != self.shape:
            self.shape = self._shape()
            changes["reload"] = True
        return changes


async def stream(
    world: World,
    send: Callable[[Event], Awaitable[None]],
    receive: Callable[[], Awaitable[Event]],
) -> None:
    """Server-Sent Events, at most four a second; ends with the client or with the simulator."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    ends = asyncio.ensure_future(world.closing.wait())
    gone = asyncio.ensure_future(receive())
    changes, quiet = Changes(world), 0
    try:
        while not ends.done() and not gone.done():
            found = changes.next()
            quiet = 0 if found else quiet + 1
            if found or quiet % 40 == 1:
                line = b"data: %b\n\n" % orjson.dumps(found) if found else b": still here\n\n"
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await asyncio.wait({ends, gone}, timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ends.cancel()
        gone.cancel()
    await send({"type": "http.response.body", "body": b""})
