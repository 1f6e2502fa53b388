"""The account that is examined, and what WeChat has answered about it so far: several checks need
the same answer, and WeChat is asked once."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple, TypeVar

from django.conf import settings
from django.db.models import Max

from notifier.dispatch import gate
from notifier.dispatch.gate import Condition
from notifier.models import MessageEvent
from notifier.models.sandbox import SANDBOX
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import Ambiguous, Unreachable
from notifier.wechat.probe import Probe, probe
from notifier.wechat.tokens import TokenRefused
from notifier.wechat.wire import Wire
from templates_app.models import OfficialAccount
from templates_app.wechat import addresses_of, new_client

PATIENCE_SECONDS = 5
"""After one answer that took longer and never came, nothing more is asked: people wait."""

LOOKED_AT, CALLS = 50_000, 100
"""The newest events of all accounts, and of these the account's last calls."""
LATELY = timedelta(hours=1)
FEW = 5
"""Of fewer calls nothing is said."""

Answer = TypeVar("Answer")


class Call(NamedTuple):
    errcode: int
    ms: int
    phases: dict[str, int]
    """Milliseconds of each."""


@dataclass
class Patient:
    account: OfficialAccount
    now: datetime
    _began: float = field(default_factory=time.monotonic)
    _is_silent: bool = False

    def ask(self, question: Callable[[WeChatClient], Answer]) -> Answer:
        """Raises WeChatError; Unreachable, without a try, where no address answered before."""
        if self._is_silent or all(one.problem for one in self.probes):
            raise Unreachable("no usable answer")
        asked = time.monotonic()
        try:
            return question(self._client)
        except Ambiguous:
            self._is_silent = time.monotonic() - asked > PATIENCE_SECONDS
            raise

    @cached_property
    def _client(self) -> WeChatClient:
        return new_client(self.account)

    @cached_property
    def probes(self) -> list[Probe]:
        """A call without a token to each of the account's addresses, all at once."""
        return asyncio.run(_probed(addresses_of(self.account)))

    @cached_property
    def token_refusal(self) -> TokenRefused | None:
        """Why the secret gives no token."""
        try:
            self.ask(lambda client: client.try_secret())
        except TokenRefused as error:
            return error
        return None

    @cached_property
    def listed(self) -> list[dict[str, str]]:
        return self.ask(lambda client: client.templates())

    @cached_property
    def condition(self) -> Condition:
        return gate.condition(self.account, self.now)

    @cached_property
    def calls(self) -> list[Call]:
        """The last template/send that WeChat answered within the hour, the newest first."""
        newest = MessageEvent.objects.aggregate(last=Max("pk"))["last"] or 0
        answered = MessageEvent.objects.filter(
            pk__gt=newest - LOOKED_AT,
            message__account=self.account,
            errcode__isnull=False,
            duration_ms__isnull=False,
            at__gt=self.now - LATELY,
        ).exclude(message__openid__in=SANDBOX)
        found = answered.order_by("-pk").values_list("errcode", "duration_ms", "phases")[:CALLS]
        return [Call(code or 0, ms or 0, phases or {"wait": ms or 0}) for code, ms, phases in found]

    def time(self) -> datetime:
        """`now`, and what has passed since."""
        return self.now + timedelta(seconds=time.monotonic() - self._began)


async def _probed(addresses: Sequence[str]) -> list[Probe]:
    timeout = (settings.WECHAT_CONNECT_TIMEOUT, settings.WECHAT_READ_TIMEOUT)
    wire = Wire(timeout, settings.WECHAT_CA_FILE)
    try:
        return list(await asyncio.gather(*(_first(wire, one) for one in addresses)))
    finally:
        await wire.close()


async def _first(wire: Wire, address: str) -> Probe:
    return await anext(probe(wire, address, 1))
