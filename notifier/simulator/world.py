"""All that the simulator knows at one moment, and the request it works on."""

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from .accounts import Account, Counters
from .answers import Answer, Refusal
from .faults import Delay, Faults, Receipts
from .outbox import Outbox
from .pushes import Pushes
from .tokens import Tokens

REQUESTS_KEPT = 1_000
RIDS_KEPT = 10_000


@dataclass(slots=True)
class Request:
    method: str
    path: str
    query_string: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    client_ip: str = "127.0.0.1"
    received_at: float = 0.0

    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))

    def token(self) -> str:
        raw = self.query_string
        if raw.startswith(b"access_token=") and b"&" not in raw and b"%" not in raw:
            return raw[13:].decode("latin-1")
        return self.query().get("access_token", "")

    def chunked(self) -> bool:
        return any(name == b"transfer-encoding" for name, _ in self.headers)

    def json(self) -> dict[str, Any]:
        if not self.body:
            raise Refusal(44002)
        try:
            given = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            given = None
        if not isinstance(given, dict):
            raise Refusal(47001)
        return given


@dataclass(slots=True)
class World:
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: Tokens = field(default_factory=Tokens)
    outbox: Outbox = field(default_factory=Outbox)
    faults: Faults = field(default_factory=Faults)
    pushes: Pushes = field(default_factory=Pushes)
    latency: Delay = field(default_factory=Delay)
    receipts: Receipts = field(default_factory=Receipts)
    busy_above: int | None = None
    in_flight: int = 0
    connections_opened: int = 0
    requests: deque[tuple[Request, int]] = field(
        default_factory=lambda: deque(maxlen=REQUESTS_KEPT)
    )
    rids: OrderedDict[str, tuple[Request, Answer]] = field(default_factory=OrderedDict)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    resets: int = 0

    def remember(self, request: Request, answer: Answer) -> None:
        self.rids[answer.rid] = (request, answer)
        if len(self.rids) > RIDS_KEPT:
            self.rids.popitem(last=False)

    def reset(self) -> None:
        """Back to a quiet day; accounts and tokens stay."""
        self.outbox.clear()
        self.faults.active.clear()
        self.requests.clear()
        self.rids.clear()
        self.pushes.clear()
        self.latency, self.receipts, self.busy_above = Delay(), Receipts(), None
        self.pushes.retry_ms = self.receipts.retry_ms
        self.connections_opened = 0
        self.resets += 1
        for account in self.accounts.values():
            account.counters = Counters()
            account.quota.used.clear()

    def state(self) -> dict[str, Any]:
        accounts = []
        for account in self.accounts.values():
            counters = asdict(account.counters)
            counters["rejected"] = {str(k): v for k, v in account.counters.rejected.items()}
            row = {"appid": account.appid, "name": account.name, "counters": counters}
            accounts.append(row)
        return {
            "accounts": accounts,
            "connections_opened": self.connections_opened,
            "in_flight": self.in_flight,
            "faults": self.faults.listed(),
            "latency": asdict(self.latency),
            "busy": {"above_concurrency": self.busy_above},
            "receipts": asdict(self.receipts),
            "time": time.time(),
        }
