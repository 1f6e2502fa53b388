"""One attempt: one call to WeChat, its outcome as a value. On the sender's loop; no database."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from notifier.dispatch.claim import Claimed
from notifier.dispatch.retry import GUARD
from notifier.models import Reason
from notifier.wechat.client import WeChatClient
from notifier.wechat.errors import (
    Ambiguous,
    Kind,
    NoTime,
    NoToken,
    NotYet,
    Refused,
    Unreachable,
    lookup,
    token_error_kind,
)
from notifier.wechat.phases import Phases
from notifier.wechat.tokens import FAILURE_SECONDS, TokenRefused

log = logging.getLogger(__name__)

LEASE_SPARE_SECONDS = 2.0
NO_TOKEN_WAIT = timedelta(seconds=2)
NOT_YET_WAIT = timedelta(seconds=FAILURE_SECONDS)


@dataclass(frozen=True, slots=True)
class Wait:
    reason: Reason
    until: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """`kind` None: nothing was tried; the row goes back as it was."""

    claimed: Claimed
    kind: Kind | None
    msgid: str = ""
    errcode: int | None = None
    detail: str = ""
    rid: str = ""
    retry_after: float | None = None
    began: float = 0.0
    """Unix seconds."""
    seconds: float = 0.0
    phases: Phases | None = None
    wait: "Wait | None" = None
    """Why and until when an untried row waits."""
    is_given_back: bool = False
    """An untried row, and the gate knows that its place is free again."""
    is_echo: bool = False
    """It failed with another's call for a token: the other one counts."""

    @property
    def had_token(self) -> bool:
        """False: it ended with the call for a token, which it may share with hundreds."""
        return self.phases is None or bool(self.phases.host)


async def attempt(client: WeChatClient, claimed: Claimed, call_seconds: float) -> Attempt:
    """Never raises. Sends only while the lease outlasts the call: after it, the row may be
    another worker's. A message that expired meanwhile, or that WeChat may have got and has
    forgotten by now, goes back: the next claim settles it."""
    now = timezone.now()
    started, phases = time.monotonic(), Phases()
    not_after = started + (_latest(claimed, call_seconds) - now).total_seconds()
    if not_after <= started:
        return Attempt(claimed, None)
    try:
        outcome = await _outcome(client, claimed, not_after, phases)
    except NoTime:
        return Attempt(claimed, None)
    except NoToken:  # nothing that WeChat could be blamed for
        return Attempt(claimed, None, wait=Wait(Reason.RETRY, timezone.now() + NO_TOKEN_WAIT))
    except NotYet:
        return Attempt(claimed, None, wait=Wait(Reason.PACE, timezone.now() + NOT_YET_WAIT))
    seconds = time.monotonic() - started
    return Attempt(claimed, began=now.timestamp(), seconds=seconds, phases=phases, **outcome)


def _latest(claimed: Claimed, call_seconds: float) -> datetime:
    """When the call may begin at the latest: within the lease, the expiry, and WeChat's guard."""
    limits = [
        claimed.lease_until - timedelta(seconds=call_seconds + LEASE_SPARE_SECONDS),
        claimed.expires_at,
    ]
    if claimed.in_doubt_since is not None:
        limits.append(claimed.in_doubt_since + GUARD)
    return min(limits)


async def _outcome(
    client: WeChatClient, claimed: Claimed, not_after: float, phases: Phases
) -> dict[str, Any]:
    try:
        msgid = await client.send_template(claimed.body, not_after, phases)
        return {"kind": Kind.OK, "msgid": msgid, "errcode": 0}
    except TokenRefused as error:
        return _refusal(error, token_error_kind(error.errcode))
    except Refused as error:
        return _refusal(error, lookup(error.errcode).kind)
    except (NoTime, NoToken, NotYet):
        raise
    except Unreachable as error:
        return {"kind": Kind.RETRY, "detail": str(error)}
    except Ambiguous as error:
        return {"kind": Kind.AMBIGUOUS, "detail": str(error)}
    except Exception as error:  # a fault of ours must not lose the row or end the thread
        log.exception("a call failed by a fault of ours", extra=claimed.log_fields)
        return {"kind": Kind.AMBIGUOUS, "detail": f"internal error: {type(error).__name__}"}


def _refusal(error: Refused, kind: Kind) -> dict[str, Any]:
    return {
        "kind": kind,
        "errcode": error.errcode,
        "detail": error.errmsg,
        "rid": error.rid,
        "retry_after": lookup(error.errcode).retry_after,
    }
