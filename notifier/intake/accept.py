"""The one way in: the API, the admin and campaigns all call `accept`.

Template version -> recipient -> render and validate -> the row -> the lane is woken on commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from notifier import metrics, tracing
from notifier.dispatch.lanes import Lane
from notifier.dispatch.waker import wake_soon
from notifier.intake import caps
from notifier.intake.allowed import (
    EVERYTHING,
    person_faults,
    sandbox_openid,
    sendable_or_reject,
)
from notifier.intake.errors import Changing, Fault, InProgress, Rejected
from notifier.intake.idempotency import first_message, running
from notifier.intake.kept_connection import on_kept_connection
from notifier.intake.store import store
from notifier.models import Allowance, ApiClient, Message, Priority, Reason, keys
from notifier.models.ids import new_message_id
from notifier.models.sandbox import SANDBOX
from notifier.recipients.directory import Address, find
from templates_app import sendable as sendables
from templates_app.compiled import published
from templates_app.rendering import Rendered, payload
from templates_app.sendable import Sendable


@dataclass(frozen=True, slots=True)
class SendRequest:
    template: str
    to: Address
    data: Mapping[str, Any]
    priority: Priority = Priority.NORMAL
    url: str | None = None
    miniprogram: tuple[str, str] | None = None
    """(appid, pagepath)"""
    send_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    by_field: bool = False
    """`data` has WeChat's own values by key, not the template's variables (the gateway)."""

    def times(self, now: datetime) -> tuple[datetime, datetime]:
        """When it is due, and when it expires."""
        due_at = max(self.send_at or now, now)
        lifetime = timedelta(seconds=settings.MESSAGE_LIFETIME_SECONDS)
        return due_at, self.expires_at or due_at + lifetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks: a client with its idempotency key, or somebody in the admin."""

    client: ApiClient | None = None
    idempotency_key: str | None = None
    request_digest: str = ""
    requested_by: str = ""
    is_test: bool = False
    """Of “Send a test”, or with a test key."""
    allowance: Allowance = EVERYTHING
    """Of the client's key."""

    def name_of(self, key: str | None) -> str:
        """Of the request with this idempotency key, the same in all processes; empty without."""
        return "" if self.client is None or key is None else f"{self.client.pk}:{key}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller is told. All of it holds for good, so a replay tells the same."""

    message: Message
    template: str
    version: int
    replayed: bool = False


def accept(request: SendRequest, origin: Origin) -> Accepted:
    """Stores one message and wakes its lane.

    Raises Rejected with every fault found, KeyReused, InProgress or Changing; then nothing is
    stored.
    """
    try:
        with running(origin.client, origin.idempotency_key):
            accepted = _accepted(request, origin, timezone.now())
    except (InProgress, IntegrityError, Rejected) as error:
        # The first answer holds, even if the request could not be accepted any more today.
        earlier = replayed(origin)
        if earlier is None and isinstance(error, IntegrityError):  # a client, say, that is gone
            raise changing() from None
        if earlier is None:
            raise
        return earlier
    announce(lane_of(accepted.message))
    return accepted


def replayed(origin: Origin) -> Accepted | None:
    """The first answer, if the request's key has made a message. Raises KeyReused."""
    earlier = first_message(origin.client, origin.idempotency_key, origin.request_digest)
    if earlier is None:
        return None
    version = earlier.version
    return Accepted(earlier, version.template.code, version.number, replayed=True)


def changing() -> Changing:
    """What the row names is gone; this process remembers it no longer."""
    for memory in (keys.memory, sendables.memory):
        memory.forget()
    return Changing()


def lane_of(message: Message) -> Lane:
    return Lane(message.account_id, Priority(message.priority))


def announce(lane: Lane, count: int = 1) -> None:
    """So many messages are stored: on commit they are counted, and their lane is woken."""

    def tell() -> None:
        metrics.later.note(metrics.accepted, (lane.account_id, lane.priority.word), count)
        wake_soon(lane)

    transaction.on_commit(tell)


def _accepted(request: SendRequest, origin: Origin, now: datetime) -> Accepted:
    """Checks everything, then stores the row."""
    template = sendable_or_reject(request.template, request.priority, origin.allowance)
    openid = _openid_of(template, request.to, origin.allowance)
    message_id = new_message_id()
    due_at, expires_at = request.times(now)
    compiled = published(template.version_id or 0)
    render = compiled.render_values if request.by_field else compiled.render
    rendered = render(request.data)
    if faults := [*time_faults(due_at, expires_at), *render_faults(rendered)]:
        raise Rejected([*_recipient_faults(template, openid, origin.allowance), *faults])
    # The exact JSON that WeChat gets, over all attempts.
    body = payload(
        rendered,
        touser=openid,
        template_id=compiled.spec.wechat_template_id,
        client_msg_id=message_id.hex,
        url=request.url,
        miniprogram=request.miniprogram,
    )
    trace = tracing.begun()
    message = Message.fresh(
        id=message_id,
        traceparent=trace.traceparent,
        baggage=trace.baggage,
        account_id=template.account_id,
        version_id=template.version_id or 0,
        client_id=origin.client.pk if origin.client else None,
        requested_by=origin.requested_by,
        openid=openid,
        priority=request.priority,
        payload=orjson.dumps(body).decode(),
        metadata=dict(request.metadata),
        idempotency_key=origin.idempotency_key,
        request_digest=origin.request_digest,
        is_test=origin.is_test or origin.allowance.is_test,
        reason=Reason.SCHEDULED if due_at > now else Reason.NONE,
        created_at=now,
        due_at=due_at,
        expires_at=expires_at,
    )
    with caps.respected(template, body, origin.name_of(origin.idempotency_key), now):
        while not store(message, template.template_id):  # again if they do not refuse it any more
            if Message.objects.filter(pk=message.pk).exists():
                break  # stored, before its connection broke, and they refused it since
            _refuse(_recipient_faults(template, openid, origin.allowance))
    return Accepted(message, template.code, template.version_number or 0)


def _openid_of(template: Sendable, address: Address, allowance: Allowance) -> str:
    """Raises Rejected."""
    if allowance.is_test:
        return sandbox_openid(address)
    if address.openid in SANDBOX:
        raise Rejected(_recipient_faults(template, address.openid, allowance))
    if address.openid:
        return address.openid
    known = on_kept_connection(lambda _: find(template.account_id, template.template_id, address))
    if known is None or known.openid in SANDBOX:
        raise Rejected(person_faults(known))
    return known.openid


def _recipient_faults(template: Sendable, openid: str, allowance: Allowance) -> list[Fault]:
    known = find(template.account_id, template.template_id, Address(openid=openid))
    return person_faults(known, allowance)


def render_faults(rendered: Rendered) -> list[Fault]:
    return [
        Fault(f"/data{one.pointer}", one.code, one.problem.message, one.problem.params)
        for one in rendered.problems
    ]


def time_faults(due_at: datetime, expires_at: datetime) -> list[Fault]:
    if expires_at > due_at:
        return []
    return [Fault("/expires_at", "too_early", "It must lie after now and after send_at.")]


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise Rejected(faults)
