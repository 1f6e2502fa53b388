"""What the endpoints give: messages and events as JSON values."""

from datetime import UTC, datetime
from typing import Any

from notifier.dispatch.waiting import Waiting
from notifier.intake.accept import Accepted, SendRequest
from notifier.intake.dry_run import Foreseen
from notifier.models import Message, MessageEvent, Priority, State
from notifier.wechat.errors import lookup

Json = dict[str, Any]


def accepted(accepted: Accepted) -> Json:
    """The 202. Only what never changes, so that a replay is the first answer, letter for letter."""
    message = accepted.message
    return {"id": message.id.hex, "status": State.QUEUED.value} | _request(
        message, accepted.template, accepted.version
    )


def foreseen(found: Foreseen, request: SendRequest) -> Json:
    """Of a dry run: nothing was stored."""
    return {
        "dry_run": True,
        "template": found.template.code,
        "template_version": found.template.version_number,
        "to": {"openid": found.openid},
        "data": found.rendered.data,
        "url": (found.rendered.url if request.url is None else request.url) or None,
        "miniprogram": miniprogram(request.miniprogram or found.rendered.miniprogram),
        "due_at": _time(found.due_at),
        "expires_at": _time(found.expires_at),
        "waiting": found.waits and _waiting(found.waits),
    }


def miniprogram(given: tuple[str, str] | None) -> Json | None:
    return dict(zip(("appid", "pagepath"), given, strict=True)) if given else None


def whole(message: Message, events: list[MessageEvent], waits: Waiting | None) -> Json:
    return (
        listed(message)
        | {"reason": (waits.reason if waits else message.reason) or None}
        | {"waiting": waits and _waiting(waits), "events": [_event(event) for event in events]}
    )


def listed(message: Message) -> Json:
    return (
        {"id": message.id.hex, "status": message.state, "reason": message.reason or None}
        | _request(message, message.version.template.code, message.version.number)
        | {
            "metadata": message.metadata,
            "due_at": _time(message.due_at) if message.state == State.QUEUED else None,
            "attempts": message.attempts,
            "sent_at": _time(message.sent_at),
            "msgid": message.msgid or None,
            "receipt": message.receipt_status or None,
            "receipt_at": _time(message.receipt_at),
            "error": _error(message),
        }
    )


def _request(message: Message, template: str, version: int) -> Json:
    return {
        "template": template,
        "template_version": version,
        "to": {"openid": message.openid},
        "priority": Priority(message.priority).word,
        "created_at": _time(message.created_at),
        "expires_at": _time(message.expires_at),
    }


def _waiting(waits: Waiting) -> Json:
    return {
        "reason": waits.reason,
        "since": _time(waits.since),
        "until": _time(waits.until),
        "detail": waits.cause or None,
    }


def _error(message: Message) -> Json | None:
    """What WeChat answered last, if it was a refusal, and what to do about it."""
    if not message.errcode:
        return {"detail": message.errmsg} if message.errmsg else None
    known = lookup(message.errcode)
    return {
        "errcode": message.errcode,
        "errmsg": message.errmsg,
        "rid": message.rid or None,
        "kind": known.kind.value,
        "meaning": known.meaning,
        "fix": known.fix,
    }


def _event(event: MessageEvent) -> Json:
    return {
        "at": _time(event.at),
        "status": event.state,
        "attempt": event.attempt,
        "reason": event.reason or None,
        "errcode": event.errcode,
        "detail": event.detail or None,
        "duration_ms": event.duration_ms,
        "next_at": _time(event.next_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else None
