"""From rows to messages, just in time: a campaign has few messages that wait, so it is paused or
cancelled within a second, and an urgent message never has a million before it.

A chunk is one transaction under the campaign's lock: its messages, its rows and how far it is. So a
crash loses and doubles nothing, and two feeders wait for each other.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, transaction
from django.utils import timezone

from notifier.campaigns.preflight import batch_of
from notifier.campaigns.replay import REACHED, reached_before
from notifier.dispatch import sql
from notifier.dispatch.lanes import Wake, clear, wake_job
from notifier.intake.bulk import Batch, Draft, Outcome, accept_many
from notifier.intake.errors import Rejected
from notifier.models import Campaign, CampaignRow, CampaignState, Message, Priority, State
from notifier.models.campaigns import FEEDING, LIFETIME

CHUNK = 500
SLICE_SECONDS = 0.5
"""A feeder works so long, and then lets its worker send."""
AHEAD = timedelta(seconds=3)
"""With a pace of its own, messages are made so long before their turn: the clock's rhythm is a
second."""


def wake(pk: int, priority: int) -> None:
    """On the queue of its lane: behind more urgent work, and in turn with its own sending."""
    name = "notifier.campaigns.feed.feed"
    wake_job(Wake(_flag(pk), Priority(priority).word, name, (pk, priority)))


def _flag(pk: int) -> str:
    return f"hongyan:wake:campaign:{pk}"


def feed(pk: int, priority: int) -> None:
    """The RQ job: a slice, and again behind what else waits in the queue. When it has nothing to
    do the clock wakes it."""
    close_old_connections()
    clear(_flag(pk))
    until = time.monotonic() + SLICE_SECONDS
    # Its template is held, say: the clock looks for that, and pauses it with the reason.
    with suppress(Rejected):
        while _feed_chunk(pk):
            if time.monotonic() > until:
                return wake(pk, priority)


def _feed_chunk(pk: int) -> bool:
    """True: there may be more to make at once."""
    with transaction.atomic():
        # The state as it is under the lock: paused is paused.
        rows = Campaign.objects.select_for_update(of=("self",)).filter(pk=pk, state__in=FEEDING)
        campaign = rows.select_related("version__template").first()
        if campaign is None:
            return False
        now = timezone.now()
        batch = replace(batch_of(campaign), now=now)
        begins = max(campaign.next_due_at or now, now)
        wanted = _room(campaign, begins, now)
        people = CampaignRow.objects.filter(campaign=pk, pk__gt=campaign.fed_until, problem="")
        taken = list(people.order_by("pk")[:wanted]) if wanted else []
        if not taken:
            return False
        outcomes = _accepted(campaign, batch, taken, begins)
        made = _note(taken, outcomes)
        Campaign.objects.filter(pk=pk).update(
            fed_until=taken[-1].pk,
            fed=campaign.fed + made,
            refused=campaign.refused + len(taken) - made,
            next_due_at=_after(campaign, begins, len(taken)),
            **_canary(campaign, campaign.fed + campaign.refused + len(taken), now),
        )
    return len(taken) == wanted


def _room(campaign: Campaign, begins: datetime, now: datetime) -> int:
    """How many may be made now."""
    waiting = Message.objects.filter(campaign=campaign.pk, state=State.QUEUED).order_by()
    limits = [CHUNK, settings.CAMPAIGN_BUFFER - waiting.count()]
    if campaign.pace:
        limits.append(int((now + AHEAD - begins) / timedelta(seconds=1) * campaign.pace))
    if campaign.state == CampaignState.CANARY:
        limits.append(campaign.canary_size - campaign.fed - campaign.refused)
    return max(min(limits), 0)


def _accepted(
    campaign: Campaign, batch: Batch, rows: Sequence[CampaignRow], begins: datetime
) -> list[Outcome]:
    """Of a replay without those whom another of its family has reached since the check."""
    drafts = _drafts(campaign, rows, begins)
    reached = reached_before(campaign, {row.recipient_id for row in rows if row.recipient_id})
    going = [place for place, row in enumerate(rows) if row.recipient_id not in reached]
    made = dict(zip(going, accept_many(batch, [drafts[place] for place in going]), strict=True))
    return [made.get(place, (REACHED,)) for place in range(len(rows))]


def _drafts(campaign: Campaign, rows: Sequence[CampaignRow], begins: datetime) -> list[Draft]:
    drafts = []
    for place, row in enumerate(rows):
        due_at = _after(campaign, begins, place)
        data = {**campaign.data, **row.data}
        name = f"campaign:{campaign.pk}:{row.pk}"
        drafts.append(Draft(row.recipient_id, data, due_at, due_at + LIFETIME, name))
    return drafts


def _after(campaign: Campaign, begins: datetime, count: int) -> datetime:
    return begins + timedelta(seconds=count / campaign.pace) if campaign.pace else begins


def _canary(campaign: Campaign, taken: int, now: datetime) -> dict[str, datetime]:
    """When the trial's last message was made."""
    is_canary = campaign.state == CampaignState.CANARY
    return {"canary_fed_at": now} if is_canary and taken >= campaign.canary_size else {}


def _note(rows: Sequence[CampaignRow], outcomes: Sequence[Outcome]) -> int:
    """What became of each row; returns how many became a message."""
    made = [(row.pk, one) for row, one in zip(rows, outcomes, strict=True) if isinstance(one, UUID)]
    if made:
        given, parameters = sql.as_given(made, {"id": "bigint", "message": "uuid"})
        table = CampaignRow._meta.db_table
        sql.execute(
            f"{given} UPDATE {table} SET message_id = given.message FROM given "  # noqa: S608
            f"WHERE {table}.id = given.id",
            parameters,
        )
    for row, one in zip(rows, outcomes, strict=True):
        if not isinstance(one, UUID):  # seldom: they changed since the pre-flight
            CampaignRow.objects.filter(pk=row.pk).update(problem=one[0].code)
    return len(made)
