"""How WeChat's addresses answer from this machine, and where the time goes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from notifier.wechat.errors import WeChatError
from notifier.wechat.phases import Phases
from notifier.wechat.wire import Wire

OFFICIAL = tuple(
    f"https://{name}.weixin.qq.com" for name in ("api", "api2", "sh.api", "sz.api", "hk.api")
)
"""The usual one and its backups (official page Interface_field_description)."""
PATH = "/cgi-bin/message/template/send"
NO_TOKEN = 41001
"""access_token missing: WeChat answers, and nothing was done or counted for any account."""


@dataclass(frozen=True, slots=True)
class Probe:
    """`problem`: empty, or why it is no answer of WeChat's."""

    address: str
    phases: Phases
    problem: str = ""


async def probe(wire: Wire, address: str, calls: int) -> AsyncIterator[Probe]:
    """The first call of a wire opens a connection, the others reuse it. Without a connection there
    is no second one."""
    for _ in range(calls):
        phases = Phases()
        try:
            status, body = await wire.post(address.rstrip("/"), PATH, b"{}", phases=phases)
        except WeChatError as error:
            yield Probe(address, phases, str(error))
            return
        yield Probe(address, phases, _problem(status, body))


def _problem(status: int, body: bytes) -> str:
    try:
        is_wechat = orjson.loads(body)["errcode"] == NO_TOKEN
    except (orjson.JSONDecodeError, KeyError, TypeError):
        is_wechat = False
    return "" if is_wechat else f"HTTP {status}, not WeChat's answer: is there a proxy on the way?"
