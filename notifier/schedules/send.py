"""The clock's work: recurring messages whose time has come. Each run has an idempotency key of its
own, so a run that is repeated after a crash makes no second message."""

import logging
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import close_old_connections, transaction
from django.utils import timezone

from notifier.intake.accept import Origin, SendRequest, accept
from notifier.intake.errors import Rejected
from notifier.intake.idempotency import earlier_messages
from notifier.models import Allowance, Late, Priority, Schedule
from notifier.recipients.directory import Address
from notifier.schedules.runs import NoCron, next_runs, upcoming

log = logging.getLogger(__name__)

BATCH = 50
LATE_AFTER = timedelta(minutes=5)
"""A run is late when it could not be sent for so long; before that, it is on time."""
MOST_MISSED = 100
"""Runs of one in a round, beside the first."""
SWITCHED_OFF = "The API client is switched off."


def send_due() -> bool:
    """True: more may be due."""
    close_old_connections()
    now = timezone.now()
    due = Schedule.objects.filter(next_at__lte=now).order_by("next_at")
    ids = list(due.values_list("pk", flat=True)[:BATCH])
    for pk in ids:
        _send(pk, now)
    return len(ids) == BATCH


def _send(pk: int, now: datetime) -> None:
    """Under the row's lock: two clocks take turns, and the second finds it done."""
    with transaction.atomic():
        rows = Schedule.objects.select_for_update(of=("self",)).filter(pk=pk, next_at__lte=now)
        schedule = rows.select_related("client").first()
        if schedule is None or schedule.next_at is None:
            return
        due = _due(schedule, schedule.next_at, now)
        for run in due:
            _accept(schedule, run, now)
        # Of very many missed ones that are all sent the rest is due in the next round.
        schedule.next_at = _after(schedule, due[-1] if schedule.late == Late.ALL else now)
        schedule.save(update_fields=["next_at", "last_at", "last_message", "last_problem"])


def _due(schedule: Schedule, first: datetime, now: datetime) -> list[datetime]:
    """Of the runs until now those that are sent."""
    later = takewhile(lambda run: run <= now, upcoming(schedule.cron, schedule.zone, first))
    runs = [first, *(run for run, _number in zip(later, range(MOST_MISSED), strict=False))]
    late = [run for run in runs if run < now - LATE_AFTER]
    on_time = [run for run in runs if run >= now - LATE_AFTER]
    if schedule.late == Late.ALL:
        return runs
    if schedule.late == Late.ONCE:
        return on_time or late[-1:]
    return on_time


def _accept(schedule: Schedule, run: datetime, now: datetime) -> None:
    """What cannot be accepted today is noted, and tried again at its next time."""
    key = f"schedule:{schedule.pk}:{run.isoformat()}"
    origin = Origin(
        client=schedule.client,
        idempotency_key=key,
        request_digest="schedule",
        requested_by=schedule.name,
        allowance=Allowance(is_test=schedule.is_test),
    )
    schedule.last_at, schedule.last_message, schedule.last_problem = now, None, ""
    if not schedule.client.is_active:
        schedule.last_problem = SWITCHED_OFF
        return
    # The row's lock is held: nobody else makes it meanwhile.
    if earlier := earlier_messages(schedule.client, [key]):
        schedule.last_message, _digest = earlier[key]
        return
    try:
        schedule.last_message = accept(request_of(schedule), origin).message.pk
    except Rejected as error:
        schedule.last_problem = " ".join(fault.detail for fault in error.faults)[:300]
        log.info("a run of schedule %d was refused: %s", schedule.pk, error)


def request_of(schedule: Schedule) -> SendRequest:
    body = schedule.request
    miniprogram = body.get("miniprogram")
    return SendRequest(
        template=schedule.template,
        to=Address(openid=schedule.recipient.openid),
        data=body.get("data", {}),
        priority=Priority[body.get("priority", "normal").upper()],
        url=body.get("url"),
        miniprogram=miniprogram and (miniprogram["appid"], miniprogram.get("pagepath", "")),
        metadata=body.get("metadata", {}) | {"schedule": schedule.pk},
    )


def _after(schedule: Schedule, now: datetime) -> datetime | None:
    try:
        return next_runs(schedule.cron, schedule.zone, now, 1)[0]
    except NoCron:
        return None
