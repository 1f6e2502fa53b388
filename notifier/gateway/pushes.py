"""Receipts on their way to the services, by a thread of the clock.

WeChat gives up after three attempts. We go on for an hour, ever more rarely; an address that does
not answer is left alone meanwhile, so that it holds up nobody else's receipts.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import close_old_connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from notifier.gateway.envelope import HEADERS, Callback, Receipt, sealed
from notifier.gateway.outbound import AT_ONCE, post
from notifier.models import Gateway, GatewayMessage, State
from notifier.models.gateways import LOOK_AFTER, UNENDED

FOR_ONE = 160
"""Rows of one gateway in a round."""
LANES = 4
"""Calls to one address at once: a slow one leaves the other threads to others."""
GATEWAYS = 30
ROUND_SECONDS = 5.0
"""What is not tried by then is due again in the next round, which takes everybody's."""
LEASE = timedelta(minutes=5)
"""Far longer than a round may take; what a dead clock held is repeated after it."""
WAITS = (5, 10, 20, 40, 80, 160, 320, 640, 1200, 1200)
"""Seconds after each attempt that failed: an hour in all."""
GIVEN_UP = timedelta(hours=24)
"""A receipt of WeChat's that has not come by then is lost."""
SYSTEM_FAILED = "failed: system failed"
"""With the space, as WeChat writes it."""

_silent: dict[int, tuple[int, float]] = {}
"""Gateways whose address did not answer: how often, and until when (monotonic) it is left alone."""


def process_pushes() -> bool:
    """True: more is due. No transaction is open during a call, and its threads touch no database.
    Two clocks do no harm: rows are taken under a lease."""
    close_old_connections()
    rows = _take(timezone.now())
    leases = {row.pk: row.due_at for row in rows}
    _push_all([row for row in rows if _is_to_push(row, timezone.now())])
    with transaction.atomic():
        for row in rows:
            # Unless it ended anew meanwhile: then it is due again.
            held = GatewayMessage.objects.filter(pk=row.pk, due_at=leases[row.pk])
            names = ("due_at", "ended_at", "attempts", "pushed_at", "detail")
            held.update(**{name: getattr(row, name) for name in names})
    return len(rows) >= FOR_ONE


def _take(now: datetime) -> list[GatewayMessage]:
    silent = [pk for pk, (_times, until) in _silent.items() if until > time.monotonic()]
    due = GatewayMessage.objects.filter(due_at__lte=now).order_by("due_at")
    with transaction.atomic():
        ids: list[int] = []
        for gateway in _with_due_rows(due.exclude(gateway__in=silent)):
            own = due.filter(gateway=gateway).select_for_update(skip_locked=True)
            ids += own.values_list("pk", flat=True)[:FOR_ONE]
        GatewayMessage.objects.filter(pk__in=ids).update(due_at=now + LEASE)
    # The messages are read after the lease: what ends from now on makes its row due anew.
    rows = GatewayMessage.objects.filter(pk__in=ids).select_related("message")
    return list(rows.defer("message__payload", "message__metadata").order_by("pk"))


def _with_due_rows(due: QuerySet[GatewayMessage]) -> list[int]:
    """Each gateway by one look into the index: one with a long queue hides no other."""
    found: list[int] = []
    while len(found) < GATEWAYS:
        gateway = due.exclude(gateway__in=found).values_list("gateway_id", flat=True).first()
        if gateway is None:
            break
        found.append(gateway)
    return found


def _is_to_push(row: GatewayMessage, now: datetime) -> bool:
    """Has it ended? Else, when to look again."""
    message = row.message
    if message.state not in UNENDED:
        row.ended_at = row.ended_at or now
        return True
    age = now - (message.sent_at or message.created_at)
    lost = message.state == State.SENT and age > GIVEN_UP
    row.due_at = None if lost else now + max(age, LOOK_AFTER)
    return False


def _push_all(rows: Sequence[GatewayMessage]) -> None:
    gateways = Gateway.objects.filter(pk__in={row.gateway_id for row in rows})
    callbacks = {one.pk: callback_of(one) for one in gateways.select_related("account")}
    lanes: dict[tuple[int, int], list[GatewayMessage]] = defaultdict(list)
    for place, row in enumerate(rows):
        lanes[place % LANES, row.gateway_id].append(row)
    until = time.monotonic() + ROUND_SECONDS
    if rows:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            # Each gateway's first lane before anybody's second.
            for lane in sorted(lanes):
                threads.submit(_push_lane, lanes[lane], callbacks[lane[1]], until)


def _push_lane(rows: Sequence[GatewayMessage], callback: Callback, until: float) -> None:
    for row in rows:
        if time.monotonic() < until:
            _push(row, callback)
        else:
            row.due_at = timezone.now()


def callback_of(gateway: Gateway) -> Callback:
    account = gateway.account
    return Callback(
        url=gateway.callback_url,
        token=gateway.callback_token,
        appid=gateway.appid,
        original_id=(account.original_id if account else "") or f"gh_{gateway.appid[2:14]}",
        mode=gateway.callback_mode,
        aes_key=gateway.encoding_aes_key,
    )


def _push(row: GatewayMessage, callback: Callback) -> None:
    now = timezone.now()
    if not callback.url:
        row.due_at = None
        return
    times, until = _silent.get(row.gateway_id, (0, 0.0))
    if (left := until - time.monotonic()) > 0:  # found out in this round
        row.due_at = now + timedelta(seconds=left) if _has_time(row, now) else None
        return
    row.attempts += 1
    try:
        status = post(*sealed(callback, _receipt(row), int(now.timestamp())), HEADERS)
        _silent.pop(row.gateway_id, None)
        row.detail = "" if 200 <= status < 300 else f"HTTP {status}"
    except Exception as error:  # a key that does not fit, too
        row.detail = getattr(error, "problem", type(error).__name__)
        wait = WAITS[min(times, 5)]
        _silent[row.gateway_id] = (times + 1, time.monotonic() + wait)
    if row.detail:
        row.due_at = _again(row, now)
    else:
        row.pushed_at, row.due_at = now, None


def _again(row: GatewayMessage, now: datetime) -> datetime | None:
    """None: given up."""
    wait = timedelta(seconds=WAITS[min(row.attempts, len(WAITS)) - 1])
    return now + wait if _has_time(row, now) else None


def _has_time(row: GatewayMessage, now: datetime) -> bool:
    return now - (row.ended_at or now) < timedelta(seconds=sum(WAITS))


def _receipt(row: GatewayMessage) -> Receipt:
    message = row.message
    status = {State.DELIVERED: "success", State.UNDELIVERED: message.receipt_status}
    at = row.ended_at or message.created_at
    told = status.get(State(message.state)) or SYSTEM_FAILED
    return Receipt(row.msgid, message.openid, told, int(at.timestamp()))
