"""What would become of a message, if it were sent now: the checks of accepting, and no row."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from notifier.dispatch.waiting import Waiting, waiting
from notifier.intake.accept import Origin, SendRequest
from notifier.intake.allowed import sendable_or_reject
from notifier.intake.bulk import Batch, Draft, faults_of
from notifier.intake.errors import Rejected
from notifier.models import Message, Reason, Recipient
from notifier.recipients.directory import resolve_many
from templates_app.compiled import published
from templates_app.rendering import Rendered
from templates_app.sendable import Sendable


@dataclass(frozen=True, slots=True)
class Foreseen:
    template: Sendable
    openid: str
    rendered: Rendered
    due_at: datetime
    expires_at: datetime
    waits: Waiting | None
    """What it would wait for at this moment: its time, or the account."""


def foresee(request: SendRequest, origin: Origin) -> Foreseen:
    """Raises Rejected with every fault. A double is not seen, for that the text must be marked."""
    now = timezone.now()
    template = sendable_or_reject(request.template, request.priority, origin.allowance)
    person = resolve_many(template.account_id, [request.to])[0]
    due_at, expires_at = request.times(now)
    draft = Draft(person, request.data, due_at, expires_at)
    batch = Batch(template, origin, now, request.priority)
    if faults := faults_of(batch, [draft])[0]:
        raise Rejected(faults)
    message = Message(
        account_id=template.account_id,
        priority=request.priority,
        due_at=due_at,
        reason=Reason.SCHEDULED if due_at > now else Reason.NONE,
    )
    return Foreseen(
        template,
        Recipient.objects.values_list("openid", flat=True).get(pk=person or 0),
        published(template.version_id or 0).render(request.data),
        due_at,
        expires_at,
        waiting(message, now),
    )
