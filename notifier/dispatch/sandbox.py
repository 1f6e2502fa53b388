"""Messages of test keys: answered here as the sandbox's table says; WeChat is not asked, and no
gate, hold or breaker hears of them."""

import time
from datetime import timedelta

from django.utils import timezone

from notifier.dispatch.claim import Claimed
from notifier.dispatch.send import Attempt
from notifier.dispatch.settle import settle_surely
from notifier.models import Push
from notifier.models.sandbox import SANDBOX
from notifier.wechat.errors import Kind, lookup

RECEIPT = "templatesendjobfinish"
RECEIPT_SECONDS = 1


def part(rows: list[Claimed]) -> list[Claimed]:
    """Those that go to WeChat. The others are settled when it returns, and their receipts come as
    WeChat's do: after a moment, through the same door."""
    if ours := [row for row in rows if row.openid in SANDBOX]:
        attempts = [_attempt(row) for row in ours]
        settle_surely(attempts, time.sleep)
        _tell([one for one in attempts if one.kind is Kind.OK])
    return [row for row in rows if row.openid not in SANDBOX]


def _attempt(row: Claimed) -> Attempt:
    errcode, began = SANDBOX[row.openid].answer(row.attempt), time.time()
    if errcode is None:
        return Attempt(row, Kind.AMBIGUOUS, detail="sandbox: no answer", began=began)
    if errcode:
        known = lookup(errcode)
        return Attempt(
            row, known.kind, errcode=errcode, detail=f"sandbox: {known.meaning}", began=began
        )
    return Attempt(row, Kind.OK, msgid=_msgid(row), errcode=0, began=began)


def _msgid(row: Claimed) -> str:
    """A number as WeChat's; the same over all attempts."""
    return str(row.id.int % 10**18)


def _tell(attempts: list[Attempt]) -> None:
    now = timezone.now()
    pushes = [
        Push(
            account_id=one.claimed.lane.account_id,
            key=f"sandbox:{one.msgid}",
            event=RECEIPT,
            openid=one.claimed.openid,
            msgid=one.msgid,
            status=receipt,
            happened_at=now,
            received_at=now,
            due_at=now + timedelta(seconds=RECEIPT_SECONDS),
        )
        for one in attempts
        if (receipt := SANDBOX[one.claimed.openid].receipt)
    ]
    Push.objects.bulk_create(pushes, ignore_conflicts=True)
