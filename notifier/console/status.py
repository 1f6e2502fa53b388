"""hongyan status: does everything work? Exit code 1 when something needs somebody."""

from argparse import ArgumentParser
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max
from django.utils import timezone
from redis import RedisError
from rq import Worker
from rq.worker import BaseWorker

from notifier.console.terminal import Exit, Failed, Terminal
from notifier.dispatch import gate
from notifier.dispatch.gate import Condition, Limits
from notifier.dispatch.lanes import redis
from notifier.models import Message, MessageCount, Priority, State
from notifier.models.counts import ACCEPTED, Span
from templates_app.models import MessageTemplate, OfficialAccount

HELP = "accounts, what waits, workers, the clock; exit code 1 when something needs somebody"
CLOCK_PATIENCE = timedelta(minutes=2)
"""The clock counts each minute, the running one too."""


def add_arguments(parser: ArgumentParser) -> None:
    """None of its own."""


def run(terminal: Terminal, **_options: Any) -> Exit:
    now = timezone.now()
    try:
        accounts = _accounts(now)
        workers = [_worker(one) for one in Worker.all(connection=redis())]
    except RedisError as error:
        raise Failed(Exit.AWAY, f"Redis does not answer ({type(error).__name__}).") from None
    rows = MessageTemplate.objects.exclude(held_since=None).order_by("code")
    held = [
        {"code": code, "held_because": because}
        for code, because in rows.values_list("code", "held_because")
    ]
    counted = _clock_counted()
    problems = _problems(accounts, workers, held, counted, now)
    if terminal.as_json:
        terminal.json(
            {
                "ok": not problems,
                "problems": problems,
                "accounts": accounts,
                "held_templates": held,
                "workers": workers,
                "clock_counted": counted and counted.isoformat(),
            }
        )
    else:
        _show(terminal, accounts, workers, problems)
    return Exit.REFUSED if problems else Exit.OK


def _accounts(now: datetime) -> list[dict[str, Any]]:
    waiting: dict[int, dict[str, int]] = defaultdict(dict)
    rows = Message.objects.filter(state=State.QUEUED).order_by()
    for pk, priority, count in rows.values_list("account_id", "priority").annotate(Count("pk")):
        waiting[pk][Priority(priority).word] = count
    return [
        _account(one, gate.condition(one, now), waiting[one.pk])
        for one in OfficialAccount.objects.defer("app_secret").order_by("slug")
    ]


def _account(
    account: OfficialAccount, condition: Condition, waiting: dict[str, int]
) -> dict[str, Any]:
    limits = Limits.of(account)
    left = max(limits.daily - condition.sent_today, 0) if limits.daily else None
    return {
        "account": account.slug,
        "state": _state(account, condition),
        "cause": condition.cause if condition.open_since else "",
        "since": condition.open_since and condition.open_since.isoformat(),
        "per_second": condition.per_second,
        "sent_today": condition.sent_today,
        "quota_left": left,
        "waiting": {one.word: waiting.get(one.word, 0) for one in Priority},
    }


def _state(account: OfficialAccount, condition: Condition) -> str:
    if not account.is_active:
        return "off"
    if condition.open_since:
        return "stopped"
    if condition.parked_until:
        return "quota used up"
    return "slowed down" if condition.per_second or condition.paused_until else "sends"


def _worker(worker: BaseWorker) -> dict[str, Any]:
    beat = worker.last_heartbeat
    return {
        "worker": worker.name,
        "queues": worker.queue_names(),
        "state": str(getattr(worker.get_state(), "value", worker.get_state())),
        "heartbeat": beat and beat.isoformat(),
    }


def _clock_counted() -> datetime | None:
    minutes = MessageCount.objects.filter(state=ACCEPTED, span=Span.MINUTE)
    found: datetime | None = minutes.aggregate(last=Max("begins"))["last"]
    return found


def _problems(
    accounts: list[dict[str, Any]],
    workers: list[dict[str, Any]],
    held: list[dict[str, str]],
    counted: datetime | None,
    now: datetime,
) -> list[str]:
    """What needs somebody: a quota that is used up or a slower pace mend themselves."""
    found = [
        f"account {one['account']} cannot send: {one['cause'] or 'no usable answer of WeChat'}"
        for one in accounts
        if one["state"] == "stopped"
    ]
    found += [f"template {one['code']} is held: {one['held_because']}" for one in held]
    listened = {name for one in workers for name in one["queues"]}
    found += [
        f"no worker listens to {word}"
        for word in (one.word for one in Priority)
        if word not in listened
    ]
    if counted is None or now - counted > CLOCK_PATIENCE + timedelta(minutes=1):
        found.append("the clock does not run")
    return found


def _show(
    terminal: Terminal,
    accounts: list[dict[str, Any]],
    workers: list[dict[str, Any]],
    problems: list[str],
) -> None:
    columns = ("account", "state", "urgent", "normal", "bulk", "sent today", "quota left", "pace")
    terminal.table(
        "Accounts, and what waits",
        columns,
        [
            (
                one["account"],
                one["state"],
                *(f"{count:,}" for count in one["waiting"].values()),
                f"{one['sent_today']:,}",
                "-" if one["quota_left"] is None else f"{one['quota_left']:,}",
                f"{one['per_second']:g}/s" if one["per_second"] else "-",
            )
            for one in accounts
        ],
    )
    terminal.line("")
    terminal.table(
        "Workers",
        ("worker", "state", "queues"),
        [(one["worker"], one["state"], ", ".join(one["queues"])) for one in workers],
    )
    terminal.line("")
    for problem in problems:
        terminal.line(problem, "red")
    if not problems:
        terminal.line("Everything works.", "green")
