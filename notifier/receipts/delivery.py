"""Delivery receipts (TEMPLATESENDJOBFINISH): `sent` becomes `delivered` or `undelivered`.

A receipt may come before the send's own result is stored, twice, or never.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from notifier import metrics, tracing
from notifier.dispatch.outbox import note_changes
from notifier.models import (
    MOVES,
    UNMOVED,
    FallbackCause,
    Message,
    MessageEvent,
    Priority,
    Push,
    Recipient,
    RecipientState,
    State,
)
from notifier.models.counts import Key, Tally, add_counts
from notifier.models.fallbacks import begin_fallbacks
from notifier.models.gateways import push_ends
from notifier.wechat.callback import Outcome, outcome_of

PATIENCE = timedelta(minutes=10)
"""How long a receipt waits for its message: WeChat's guard against doubles lasts as long."""

EARLY = timedelta(minutes=1)
"""How long before the send's own result a receipt may come and still be taken for its."""


def settle_receipts(pushes: list[Push], now: datetime) -> None:
    """Sets each push's outcome; a push without its message is tried again, ever more rarely."""
    messages = _messages(pushes)
    seen = {message.pk: message for message in messages.values()}
    moved: dict[tuple[State, str], list[Message]] = {}
    lags: dict[int, list[float]] = defaultdict(list)
    traced: list[tuple[Message, Push]] = []
    for push in pushes:
        message = messages.get((push.account_id, push.msgid)) or _by_openid(push, now)
        if message is None:
            _wait(push, now)
            continue
        message = seen.setdefault(message.pk, message)  # as an earlier push of this batch left it
        push.due_at = None
        delivered = outcome_of(push.status) is Outcome.DELIVERED
        state = State.DELIVERED if delivered else State.UNDELIVERED
        if state not in MOVES[State(message.state)]:
            push.outcome = "repeated"
            continue
        push.outcome = "applied"
        if message.sent_at is not None:
            lag = (push.received_at - message.sent_at).total_seconds()
            lags[message.account_id].append(max(lag, 0.0))
        traced.append((message, push))
        message.state = state
        moved.setdefault((state, push.status), []).append(message)
    tallies: dict[Key, Tally] = defaultdict(Tally)
    for (state, status), group in moved.items():
        _store(group, state, status, now)
        for message in group:
            if message.is_test:
                continue
            tallies[message.account_id, message.version.template_id, state.value, 0].add()
    add_counts(tallies, now)
    _count(moved)
    for account_id, seconds in lags.items():
        metrics.receipt_seconds.labels(account_id).observe_many(seconds)
    for message, push in traced:
        _record(message, push, now)


def _count(moved: dict[tuple[State, str], list[Message]]) -> None:
    ended = Counter(
        (message.account_id, Priority(message.priority).word, state.value)
        for (state, _), group in moved.items()
        for message in group
    )
    for labels, count in ended.items():
        metrics.settled.labels(*labels).inc(count)


def _record(message: Message, push: Push, now: datetime) -> None:
    began = push.received_at.timestamp()
    told = {"hongyan.message_id": message.pk.hex, "wechat.status": push.status}
    trace = tracing.Context(message.traceparent, message.baggage)
    if tracing.is_wanted("receipt", trace):
        links = [tracing.Context(push.traceparent)] if push.traceparent else []
        seconds = now.timestamp() - began
        tracing.record("receipt", trace, began, seconds, told, kind="CONSUMER", links=links)


def _messages(pushes: Iterable[Push]) -> dict[tuple[int, str], Message]:
    msgids = {push.msgid for push in pushes if _is_real(push.msgid)}
    accounts = {push.account_id for push in pushes}
    rows = (
        Message.objects.select_for_update(of=("self",))
        .select_related("version")
        .order_by("id")
        .filter(msgid__in=msgids, msgid__gt="", account_id__in=accounts)
        .only(
            "account_id",
            "msgid",
            "state",
            "attempts",
            "priority",
            "recipient_id",
            "is_test",
            "sent_at",
            "traceparent",
            "baggage",
            "version__template_id",
        )
    )
    return {(row.account_id, row.msgid): row for row in rows}


def _by_openid(push: Push, now: datetime) -> Message | None:
    """The person's only message that waits for a receipt. With two candidates nothing is guessed.

    Without a msgid (0 is reported for sends with a client_msg_id) at once; with one only when its
    message has had all the time to learn it: then the answer that told it was lost, or WeChat
    called the repeat a double (40241), and the receipt is the only thing that is known.
    """
    if _is_real(push.msgid) and now - push.received_at < PATIENCE:
        return None
    around = (push.received_at - PATIENCE, push.received_at + EARLY)
    nameless = Q(msgid="") if _is_real(push.msgid) else Q()
    waiting = Message.objects.filter(
        Q(state=State.SENT, sent_at__range=around)
        | Q(state=State.UNKNOWN, in_doubt_since__range=around),
        nameless,
        account_id=push.account_id,
        recipient__openid=push.openid,
        recipient__account_id=push.account_id,
    )
    candidates = list(waiting.select_related("version").select_for_update(of=("self",))[:2])
    if len(candidates) != 1:
        return None
    if _is_real(push.msgid):
        Message.objects.filter(pk=candidates[0].pk).update(msgid=push.msgid)
    return candidates[0]


def _is_real(msgid: str) -> bool:
    return msgid not in ("", "0")


def _wait(push: Push, now: datetime) -> None:
    waited = now - push.received_at
    if waited >= PATIENCE:
        push.due_at, push.outcome = None, "unmatched"
    else:
        wait = max(waited, timedelta(seconds=1))
        push.due_at = min(now + wait, push.received_at + PATIENCE)
        push.outcome = "early"


def _store(messages: list[Message], state: State, status: str, now: datetime) -> None:
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(
        state=state, receipt_status=status, receipt_at=now
    )
    MessageEvent.objects.bulk_create(
        MessageEvent(message=message, at=now, state=state, attempt=message.attempts, detail=status)
        for message in messages
    )
    note_changes([message.pk for message in messages], now, status)
    push_ends([message.pk for message in messages], now)
    if state is State.UNDELIVERED:
        begin_fallbacks([message.pk for message in messages], FallbackCause.REFUSAL, now)
    if outcome_of(status) is Outcome.REFUSED_BY_USER:
        people = Recipient.objects.filter(pk__in=[message.recipient_id for message in messages])
        people.exclude(state__in=UNMOVED).update(state=RecipientState.REFUSED, state_since=now)
