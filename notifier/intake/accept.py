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
from django.utils.translation import gettext_noop

from notifier import metrics
from notifier.dispatch.lanes import Lane
from notifier.dispatch.waker import wake_soon
from notifier.intake import caps
from notifier.intake.errors import Changing, Fault, InProgress, Rejected
from notifier.intake.idempotency import first_message, running
from notifier.intake.kept_connection import on_kept_connection
from notifier.intake.store import store
from notifier.models import ApiClient, Message, Priority, Reason, RecipientState, clients
from notifier.models.ids import new_message_id
from notifier.recipients.directory import Address, Known, find
from templates_app import sendable as sendables
from templates_app.compiled import published
from templates_app.rendering import Rendered, payload
from templates_app.sendable import Sendable, sendable


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
    """Of “Send a test” alone: a service's messages are never tests."""

    @property
    def name(self) -> str:
        """Of the request, the same in all processes; empty without a key."""
        if self.client is None or self.idempotency_key is None:
            return ""
        return f"{self.client.pk}:{self.idempotency_key}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller is told. All of it holds for good, so a replay tells the same."""

    message: Message
    template: str
    version: int
    replayed: bool = False


REFUSING: dict[str, str] = {
    RecipientState.UNFOLLOWED: gettext_noop("The recipient does not follow the account."),
    RecipientState.REFUSED: gettext_noop("The recipient refuses messages from the account."),
    RecipientState.BLACKLISTED: gettext_noop("The account has blacklisted the recipient."),
    RecipientState.ERASED: gettext_noop("The recipient's data were erased on their request."),
}
_UNKNOWN = Fault(
    "/to",
    "unknown_recipient",
    gettext_noop("The account has no such recipient. Import the follower first."),
)


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
        earlier = first_message(origin.client, origin.idempotency_key, origin.request_digest)
        if earlier is None and isinstance(error, IntegrityError):  # a client, say, that is gone
            raise changing() from None
        if earlier is None:
            raise
        version = earlier.version
        return Accepted(earlier, version.template.code, version.number, replayed=True)
    announce(lane_of(accepted.message))
    return accepted


def changing() -> Changing:
    """What the row names is gone; this process remembers it no longer."""
    for memory in (clients.memory, sendables.memory):
        memory.forget()
    return Changing()


def lane_of(message: Message) -> Lane:
    return Lane(message.account_id, Priority(message.priority))


def announce(lane: Lane, count: int = 1) -> None:
    """So many messages are stored: on commit they are counted, and their lane is woken."""

    def tell() -> None:
        metrics.accepted.labels(lane.account_id, lane.priority.word).inc(count)
        wake_soon(lane)

    transaction.on_commit(tell)


def _accepted(request: SendRequest, origin: Origin, now: datetime) -> Accepted:
    """Checks everything, then stores the row."""
    template = sendable_or_reject(request.template)
    openid = request.to.openid or _openid_of(template, request.to)
    message_id = new_message_id()
    due_at, expires_at = request.times(now)
    compiled = published(template.version_id or 0)
    render = compiled.render_values if request.by_field else compiled.render
    rendered = render(request.data)
    if faults := [*time_faults(due_at, expires_at), *render_faults(rendered)]:
        raise Rejected([*_recipient_faults(template, openid), *faults])
    # The exact JSON that WeChat gets, over all attempts.
    body = payload(
        rendered,
        touser=openid,
        template_id=compiled.spec.wechat_template_id,
        client_msg_id=message_id.hex,
        url=request.url,
        miniprogram=request.miniprogram,
    )
    message = Message(
        id=message_id,
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
        is_test=origin.is_test,
        reason=Reason.SCHEDULED if due_at > now else Reason.NONE,
        created_at=now,
        due_at=due_at,
        expires_at=expires_at,
    )
    with caps.respected(template, body, origin.name, now):
        while not store(message, template.template_id):  # again if they do not refuse it any more
            if Message.objects.filter(pk=message.pk).exists():
                break  # stored, before its connection broke, and they refused it since
            _refuse(_recipient_faults(template, openid))
    return Accepted(message, template.code, template.version_number or 0)


def sendable_or_reject(code: str) -> Sendable:
    template = sendable(code)
    if template is None:
        raise Rejected([Fault("/template", "unknown_template", f"There is no template {code!r}.")])
    if template.version_id is None:
        raise Rejected(
            [Fault("/template", "not_published", f"Template {code!r} has no published version.")]
        )
    if template.held_because:
        raise Rejected(
            [
                Fault(
                    "/template",
                    "template_held",
                    gettext_noop("WeChat refuses the template, so it is held: %(because)s"),
                    {"because": template.held_because},
                )
            ]
        )
    if not template.account_is_active:
        raise Rejected(
            [
                Fault(
                    "/template",
                    "account_inactive",
                    gettext_noop("The template's account is switched off."),
                )
            ]
        )
    return template


def _openid_of(template: Sendable, address: Address) -> str:
    known = on_kept_connection(lambda: find(template.account_id, template.template_id, address))
    if known is None:
        raise Rejected([_UNKNOWN])
    return known.openid


def _recipient_faults(template: Sendable, openid: str) -> list[Fault]:
    return person_faults(find(template.account_id, template.template_id, Address(openid=openid)))


def person_faults(known: Known | None) -> list[Fault]:
    if known is None:
        return [_UNKNOWN]
    if known.state != RecipientState.FOLLOWING:
        text = REFUSING[known.state]
        return [Fault("/to", f"recipient_{known.state}", text)]
    if known.refuses_template:
        text = gettext_noop("The recipient refuses messages of this template.")
        return [Fault("/to", "recipient_refuses_template", text)]
    return []


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
