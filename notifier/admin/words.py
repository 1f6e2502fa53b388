"""What happened, in plain words, and what to do next: tables of texts, and who fills them in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext, gettext_noop

from notifier.dispatch.waiting import Waiting
from notifier.models import Message, MessageEvent, Reason, State
from notifier.models.timeline import timeline
from notifier.wechat.errors import ErrCode, lookup, lookup_token_call
from templates_app.admin.reasons import ERRCODE, reason_in_words

HAPPENED: dict[str, str] = {
    State.QUEUED: gettext_noop("Waits to be sent"),
    State.SENDING: gettext_noop("A worker hands it to WeChat"),
    State.SENT: gettext_noop("WeChat accepted it"),
    State.DELIVERED: gettext_noop("WeChat's receipt: delivered"),
    State.UNDELIVERED: gettext_noop("WeChat's receipt: not delivered"),
    State.FAILED: gettext_noop("It could not be sent"),
    State.UNKNOWN: gettext_noop("Nobody knows whether it was delivered"),
    State.EXPIRED: gettext_noop("Its time ran out before it was sent"),
    State.CANCELLED: gettext_noop("Cancelled before it was sent"),
}
NEXT: dict[str, str] = {
    State.QUEUED: gettext_noop("Nothing to do: it is sent by itself."),
    State.SENDING: gettext_noop("Nothing to do: the answer comes within seconds."),
    State.SENT: gettext_noop(
        "Nothing to do. The receipt usually comes within seconds; it can be lost."
    ),
    State.DELIVERED: gettext_noop("Nothing to do."),
    State.UNDELIVERED: gettext_noop("Reach the person another way, if it matters."),
    State.FAILED: gettext_noop("See the reason; mend it, then send a new message."),
    State.UNKNOWN: gettext_noop(
        "Ask the person before you send it again: a second one may arrive beside the first."
    ),
    State.EXPIRED: gettext_noop("Send a new message if it still matters."),
    State.CANCELLED: gettext_noop("Nothing to do."),
}
WAITS: dict[str, str] = {
    Reason.SCHEDULED: gettext_noop("Waits for its time"),
    Reason.RETRY: gettext_noop("Did not work; it is tried again"),
    Reason.ACCOUNT: gettext_noop("The account does not work; it is tried again until it does"),
    Reason.QUOTA: gettext_noop("WeChat's quota is used up; it is sent after the reset"),
    Reason.PACE: gettext_noop("Waits for its turn: the account sends as fast as it may"),
    Reason.SPACING: gettext_noop("The person got a message a short while ago; it waits"),
    Reason.TEMPLATE: gettext_noop("WeChat refuses the template; it waits until that is released"),
    Reason.OPERATOR: gettext_noop("Somebody has it tried again"),
    Reason.PAUSED: gettext_noop("Waits: its campaign is paused"),
    Reason.RETURNED: gettext_noop("A worker stopped before it was sent; another takes it"),
}
PHASES: dict[str, str] = {
    "lost": gettext_noop("addresses without a connection %(ms)d ms"),
    "token": gettext_noop("access token %(ms)d ms"),
    "dns": gettext_noop("DNS %(ms)d ms"),
    "tcp": gettext_noop("TCP %(ms)d ms"),
    "tls": gettext_noop("TLS %(ms)d ms"),
    "wait": gettext_noop("waited for WeChat %(ms)d ms"),
    "transfer": gettext_noop("transfer %(ms)d ms"),
}
"""Where the time of a call went, in its order."""
RECEIPTS: dict[str, str] = {
    "failed:user block": gettext_noop("The person refuses messages from this account."),
    "failed: system failed": gettext_noop("WeChat failed to deliver it and gives no reason."),
    "failed:freq limit": gettext_noop("Too many messages to this person in a short time."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    at: datetime
    state: str
    title: str
    details: list[str]
    errcode: int | None = None


def lines(message: Message) -> list[Line]:
    events = timeline(message)
    return [_first(message, events[0]), *(_line(event) for event in events[1:])]


def what_to_do(message: Message, waits: Waiting | None = None) -> str:
    if waits and (code := ERRCODE.search(waits.cause)):
        return gettext(_known(int(code[1]), Reason.ACCOUNT).fix)
    if message.state == State.FAILED and message.errcode:
        return gettext(lookup(message.errcode).fix)
    if message.state == State.QUEUED and message.reason == Reason.ACCOUNT and message.errcode:
        return gettext(_known(message.errcode, message.reason).fix)
    return gettext(NEXT[message.state])


def what_happened(message: Message, waits: Waiting | None = None) -> str:
    if waits is not None:
        return gettext(WAITS[waits.reason])
    if message.state == State.CANCELLED and message.reason == Reason.FALLBACK:
        return gettext("The account could not send; it went another way")
    if message.state == State.QUEUED and message.reason:
        return gettext(WAITS[message.reason])
    return gettext(HAPPENED[message.state])


def _known(errcode: int, reason: str) -> ErrCode:
    """What holds up the whole account came from the token call, wherever the two differ."""
    return lookup_token_call(errcode) if reason == Reason.ACCOUNT else lookup(errcode)


def _first(message: Message, event: MessageEvent) -> Line:
    who = message.client.name if message.client else message.requested_by
    detail = gettext("Asked for by %(who)s") % {"who": who}
    return Line(event.at, event.state, gettext("Accepted"), [detail])


def _line(event: MessageEvent) -> Line:
    texts = WAITS if event.state == State.QUEUED and event.reason else HAPPENED
    title = texts[event.reason if texts is WAITS else event.state]
    return Line(event.at, event.state, gettext(title), list(_details(event)), event.errcode or None)


def _details(event: MessageEvent) -> list[str]:
    found = []
    if event.attempt and event.state not in (State.DELIVERED, State.UNDELIVERED):
        found.append(gettext("attempt %(number)d") % {"number": event.attempt})
    if event.state == State.QUEUED and event.next_at:
        when = formats.date_format(timezone.localtime(event.next_at), "m-d H:i:s")
        found.append(gettext("next attempt %(when)s") % {"when": when})
    if event.duration_ms is not None:
        found.append(gettext("%(ms)d ms") % {"ms": event.duration_ms})
    if event.state == State.SENT and event.duration_ms and not event.phases:
        found.append(gettext("kept connection, nearly all of it waiting for WeChat"))
    found += _phases(event.phases or {})
    if event.errcode:
        known = _known(event.errcode, event.reason)
        found.append(f"errcode {event.errcode} ({event.detail}): {gettext(known.meaning)}")
    elif event.state == State.UNDELIVERED:
        found.append(gettext(RECEIPTS.get(event.detail, event.detail)))
    elif event.detail and event.state != State.DELIVERED:
        found.append(reason_in_words(event.detail))
    return found


def _phases(phases: Mapping[str, Any]) -> Iterator[str]:
    """Of a call that was not as most are."""
    if not phases:
        return
    yield _spent(phases)
    if call := phases.get("token_call"):
        told = {"host": call["host"], "phases": _spent(call)}
        yield gettext("the access token's call to %(host)s: %(phases)s") % told
    if phases["reused"]:
        yield gettext("kept connection to %(host)s") % {"host": phases["host"]}
    elif phases["host"]:
        yield gettext("new connection to %(host)s") % {"host": phases["host"]}


def _spent(phases: Mapping[str, Any]) -> str:
    return " + ".join(
        gettext(text) % {"ms": phases[name]} for name, text in PHASES.items() if name in phases
    )
