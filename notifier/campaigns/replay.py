"""A campaign once more, to those of another's people whom it surely did not reach.

A family is a campaign and all that were made of it so. Whoever got a message of the family, or may
have got it, gets none of a replay: looked at when it is made, when it is checked, and when its
message is made, for meanwhile somebody may let an old one be tried again.
"""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from notifier.campaigns.files import files
from notifier.campaigns.states import NotAllowed
from notifier.intake.errors import Fault
from notifier.intake.resend import NEVER_ARRIVED, ORIGINAL
from notifier.models import Audience, Campaign, CampaignRow, FallbackSend, Message, MessageLabel
from notifier.models.campaigns import ENDED
from notifier.recipients.imports.files import fresh
from notifier.recipients.safe_csv import guarded
from templates_app.compiled import published

CHUNK = 2000
REACHED = Fault(
    "/to", "reached", gettext_noop("The person got the message, or may have got it, before.")
)
NOT_ENDED = gettext_noop("The campaign has not ended: nobody knows yet whom it will reach.")
FORGOTTEN = gettext_noop("The values of its rows were deleted, as they are after a time.")
AUDIENCE_GONE = gettext_noop("Its audience was deleted, as it is after a time.")
NOBODY = gettext_noop("Of those whom you choose, there is nobody whom it surely did not reach.")


def make_replay(parent: Campaign, chosen: Q, by: str, **values: object) -> Campaign:
    """A draft with the same template version and settings. `chosen`: of the messages of `parent`.
    Raises NotAllowed."""
    if parent.state not in ENDED:
        raise NotAllowed(NOT_ENDED)
    if parent.forgotten_at and parent.audience == Audience.UPLOAD:
        raise NotAllowed(FORGOTTEN)
    if parent.audience_deleted_at:
        raise NotAllowed(AUDIENCE_GONE)
    kept = {name: getattr(parent, name) for name in KEPT}
    with transaction.atomic():
        child = Campaign.objects.create(
            **kept
            | {"audience": Audience.UPLOAD, "upload_name": f"replay-{parent.pk}.csv"}
            | {"replay_of": parent, "family": parent.family or parent.pk}
            | {"created_by": by, "editors": [by]}
            | values
        )
        if not _write(child, parent, chosen):
            files.delete(child.pk)
            raise NotAllowed(NOBODY)  # the transaction, and the child with it, is undone
    return child


KEPT = (
    *("account_id", "version_id", "data", "priority", "pace", "zone", "client_id"),
    *("canary_percent", "canary_minutes", "most_failed", "most_refused", "most_blocked"),
)


def _write(child: Campaign, parent: Campaign, chosen: Q) -> int:
    variables = published(child.version_id).variables
    count = 0
    with fresh(files.upload(child.pk)).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["openid", *variables])
        for rows in _chunks(parent):
            wanted = _chosen(child, rows, chosen)
            for row in rows:
                if row.message_id in wanted and row.recipient:
                    values = [row.data.get(name, "") for name in variables]
                    writer.writerow(guarded([row.recipient.openid, *values]))
                    count += 1
    return count


def _chunks(parent: Campaign) -> Iterator[list[CampaignRow]]:
    rows = CampaignRow.objects.filter(campaign=parent, message_id__isnull=False)
    last = 0
    while chunk := list(
        rows.filter(pk__gt=last).select_related("recipient").order_by("pk")[:CHUNK]
    ):
        yield chunk
        last = chunk[-1].pk


def _chosen(child: Campaign, rows: Sequence[CampaignRow], chosen: Q) -> set[object]:
    reached = reached_before(child, {row.recipient_id for row in rows if row.recipient_id})
    messages = Message.objects.filter(chosen, pk__in=[row.message_id for row in rows])
    return set(messages.exclude(recipient__in=reached).values_list("pk", flat=True))


def reached_before(campaign: Campaign, people: Collection[int]) -> set[int]:
    """Who of them got a message of the campaign's family, or may have got it, or still will."""
    if not campaign.family:
        return set()
    family = Campaign.objects.filter(Q(pk=campaign.family) | Q(family=campaign.family))
    messages = Message.objects.filter(
        campaign__in=family.exclude(pk=campaign.pk), recipient__in=list(people)
    ).order_by()
    return set(_perhaps_reached(messages).values_list("recipient_id", flat=True))


def _perhaps_reached(messages: QuerySet[Message]) -> QuerySet[Message]:
    """All but those that surely did not arrive in any way."""
    return messages.filter(
        ~Q(state__in=NEVER_ARRIVED)
        | Q(in_doubt_since__isnull=False)
        | Exists(FallbackSend.objects.filter(message=OuterRef("pk")))
        | Q(pk__in=_resent(messages))
    )


def _resent(messages: QuerySet[Message]) -> list[object]:
    """Those that somebody sent as new: the copy may have arrived."""
    ids = {pk.hex: pk for pk in messages.values_list("pk", flat=True)}
    labels = MessageLabel.objects.filter(key=ORIGINAL, value__in=list(ids))
    return [ids[value] for value in labels.values_list("value", flat=True)]


def without_reached(
    campaign: Campaign, people: Mapping[int, int | None], faults: list[tuple[Fault, ...]]
) -> None:
    """`people`: place -> person. Who was reached before has that fault, if no other."""
    reached = reached_before(campaign, {one for one in people.values() if one})
    for place, person in people.items():
        if person in reached and not faults[place]:
            faults[place] = (REACHED,)
