"""The one way in, for many messages of one template at once: a few statements for all of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.utils.translation import gettext_noop

from notifier import tracing
from notifier.dispatch.lanes import Lane
from notifier.intake import caps
from notifier.intake.accept import Origin, announce, render_faults, time_faults
from notifier.intake.allowed import person_faults
from notifier.intake.errors import Fault
from notifier.intake.store_many import COLUMNS, Row, store_many
from notifier.models import Priority, Reason
from notifier.models.ids import new_message_id
from notifier.recipients.directory import Known, known_many
from templates_app.compiled import published
from templates_app.rendering import Rendered, payload
from templates_app.sendable import Sendable

CHANGED = Fault("/to", "changed", gettext_noop("The recipient changed just now. Send it again."))
Outcome = UUID | tuple[Fault, ...]
"""The message's id, or why there is none."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What its messages have in common. `template.version_id` is the version that is sent.

    `marks`: those against doubles that were made for it. Whoever rolls its messages back takes
    them back (`caps.take_back`), unless each draft has a name: then they do not stand against its
    repetition.
    """

    template: Sendable
    origin: Origin
    now: datetime
    priority: Priority = Priority.BULK
    campaign_id: int | None = None
    marks: list[caps.Mark | Fault | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Draft:
    """One message. `person`: the id of the recipient's row; None: the account has none."""

    person: int | None
    data: Mapping[str, Any]
    due_at: datetime
    expires_at: datetime
    name: str = ""
    """Of the request, the same when it is repeated: its repetition is no double of itself."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    url: str | None = None
    miniprogram: tuple[str, str] | None = None
    idempotency_key: str | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _Examined:
    draft: Draft
    person: Known | None
    rendered: Rendered
    faults: tuple[Fault, ...]


def faults_of(batch: Batch, drafts: Sequence[Draft]) -> list[tuple[Fault, ...]]:
    """Why each would be refused at this moment, were it alone; nothing is stored or marked."""
    people = {draft.person for draft in drafts if draft.person}
    sent = caps.sent_today(batch.template, people, batch.now)
    found = []
    for one in _examined(batch, drafts):
        over = caps.daily_fault(batch.template, sent[one.draft.person or 0])
        found.append((*one.faults, over) if over else one.faults)
    return found


def accept_many(batch: Batch, drafts: Sequence[Draft]) -> list[Outcome]:
    """Stores those that can be accepted, in the transaction of the caller; their lane is woken
    after its commit. Repeated after a rollback it does the same."""
    people = {draft.person for draft in drafts if draft.person}
    sent = caps.locked_sent_today(batch.template, people, batch.now)
    examined = _examined(batch, drafts)
    bodies = {place: _body(batch, one) for place, one in enumerate(examined) if not one.faults}
    named = [(body, drafts[place].name) for place, body in bodies.items()]
    marks = dict(zip(bodies, caps.doubles(batch.template, named), strict=True))
    batch.marks.extend(marks.values())
    capped = _capped(batch.template, sent, examined, bodies, marks)
    rows = {
        place: _row(batch, examined[place], bodies[place])
        for place in bodies
        if place not in capped
    }
    # In the order of keys and people: of two batches with the same ones, each waits for the other
    # else.
    ordered = sorted(rows.values(), key=lambda row: (row[_KEY] or "", row[_PERSON]))
    stored = store_many(ordered, _common(batch), batch.template.template_id, batch.now)
    if stored:
        announce(Lane(batch.template.account_id, batch.priority), len(stored))
    refused = [place for place, row in rows.items() if row[_ID] not in stored]
    late = faults_of(batch, [drafts[place] for place in refused])
    caps.take_back([marks[place] for place in [*capped, *refused]])  # the next one is no double
    outcomes: list[Outcome] = [one.faults for one in examined]
    for place in bodies:
        outcomes[place] = (capped[place],) if place in capped else rows[place][_ID]
    for place, faults in zip(refused, late, strict=True):
        outcomes[place] = faults or (CHANGED,)
    return outcomes


def _capped(
    template: Sendable,
    sent: Counter[int],
    examined: Sequence[_Examined],
    bodies: Mapping[int, caps.Body],
    marks: Mapping[int, caps.Mark | Fault | None],
) -> dict[int, Fault]:
    """Which are doubles or too many, as if they came one after the other: a double counts for
    nothing, and what was too many has no double. `sent` is counted on."""
    found: dict[int, Fault] = {}
    too_many: set[str] = set()
    for place, body in bodies.items():
        mark, person = marks[place], examined[place].draft.person or 0
        if isinstance(mark, Fault) and caps.key_of(template, body) not in too_many:
            found[place] = mark
        elif over := caps.daily_fault(template, sent[person]):
            found[place] = over
            too_many.add(caps.key_of(template, body))
        else:
            sent[person] += 1
    return found


def _examined(batch: Batch, drafts: Sequence[Draft]) -> list[_Examined]:
    template = batch.template
    ids = {draft.person for draft in drafts if draft.person}
    people = known_many(template.account_id, template.template_id, ids)
    render = published(template.version_id or 0).render
    found = []
    for draft in drafts:
        person = people.get(draft.person or 0)
        rendered = render(draft.data)
        faults = [
            *person_faults(person, batch.origin.allowance),
            *time_faults(draft.due_at, draft.expires_at),
            *render_faults(rendered),
        ]
        found.append(_Examined(draft, person, rendered, tuple(faults)))
    return found


def _body(batch: Batch, one: _Examined) -> dict[str, object]:
    assert one.person  # noqa: S101 - without one there are faults
    return payload(
        one.rendered,
        touser=one.person.openid,
        template_id=published(batch.template.version_id or 0).spec.wechat_template_id,
        client_msg_id=new_message_id().hex,
        url=one.draft.url,
        miniprogram=one.draft.miniprogram,
    )


def _row(batch: Batch, one: _Examined, body: Mapping[str, object]) -> Row:
    """In the order of COLUMNS."""
    draft = one.draft
    return (
        draft.person,
        UUID(str(body["client_msg_id"])),
        body["touser"],
        orjson.dumps(body).decode(),
        draft.metadata,
        draft.idempotency_key,
        draft.digest,
        Reason.SCHEDULED if draft.due_at > batch.now else Reason.NONE,
        draft.due_at,
        draft.expires_at,
    )


_PERSON, _ID, _KEY = (COLUMNS.index(name) for name in ("recipient_id", "id", "idempotency_key"))


def _common(batch: Batch) -> dict[str, Any]:
    origin, trace = batch.origin, tracing.current()
    return {
        "traceparent": trace.traceparent,
        "baggage": trace.baggage,
        "account_id": batch.template.account_id,
        "version_id": batch.template.version_id,
        "client_id": origin.client.pk if origin.client else None,
        "requested_by": origin.requested_by,
        "campaign_id": batch.campaign_id,
        "priority": batch.priority,
        "is_test": origin.is_test or origin.allowance.is_test,
        "created_at": batch.now,
    }
