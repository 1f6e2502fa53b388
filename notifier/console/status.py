"""hongyan status: does everything work? Exit code 1 when something needs somebody."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import override
from redis import RedisError

from notifier.console.terminal import Exit, Failed, Terminal
from notifier.dispatch import gate
from notifier.dispatch.clock import Waiting, waiting
from notifier.dispatch.gate import Condition, Limits
from notifier.dispatch.lanes import Lane
from notifier.models import Priority
from notifier.observability.standing import (
    Last,
    SeenWorker,
    Standing,
    last_successes,
    standing,
)
from templates_app.models import MessageTemplate, OfficialAccount

HELP = "accounts, what waits, workers, the clock; exit code 1 when something needs somebody"


def add_arguments(parser: ArgumentParser) -> None:
    """None of its own."""


def run(terminal: Terminal, **_options: Any) -> Exit:
    now = timezone.now()
    try:
        accounts = _accounts(now)
        with override("en"):  # as the rest of this command
            found = standing(now)
    except RedisError as error:
        raise Failed(Exit.AWAY, f"Redis does not answer ({type(error).__name__}).") from None
    rows = MessageTemplate.objects.exclude(held_since=None).order_by("code")
    held = [
        {"code": code, "held_because": because}
        for code, because in rows.values_list("code", "held_because")
    ]
    problems = _problems(accounts, held, found)
    if terminal.as_json:
        terminal.json(
            {
                "ok": not problems,
                "problems": problems,
                "accounts": accounts,
                "held_templates": held,
                "checks": found.checks,
                "workers": [_worker(one) for one in found.workers],
                "clock_beat": found.clock_beat and found.clock_beat.isoformat(),
            }
        )
    else:
        _show(terminal, accounts, found, problems)
    return Exit.REFUSED if problems else Exit.OK


def _accounts(now: datetime) -> list[dict[str, Any]]:
    accounts = OfficialAccount.objects.defer("app_secret").order_by("slug")
    lanes, last = waiting(now), last_successes([one.pk for one in accounts], now)
    return [_account(one, gate.condition(one, now), lanes, last[one.pk]) for one in accounts]


def _account(
    account: OfficialAccount, condition: Condition, lanes: dict[Lane, Waiting], last: Last
) -> dict[str, Any]:
    due = {one.word: lanes.get(Lane(account.pk, one)) for one in Priority}
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
        "waiting": {word: one.count if one else 0 for word, one in due.items()},
        "waiting_since": {word: one and one.since.isoformat() for word, one in due.items()},
        "last_sent": last.sent and last.sent.isoformat(),
        "last_receipt": last.receipt and last.receipt.isoformat(),
    }


def _state(account: OfficialAccount, condition: Condition) -> str:
    if not account.is_active:
        return "off"
    if condition.open_since:
        return "stopped"
    if condition.parked_until:
        return "quota used up"
    return "slowed down" if condition.per_second or condition.paused_until else "sends"


def _waits(account: dict[str, Any], word: str) -> str:
    """How many, and how long the first of them."""
    since = account["waiting_since"][word]
    if since is None:
        return "0"
    seconds = max((timezone.now() - datetime.fromisoformat(since)).total_seconds(), 0)
    return f"{account['waiting'][word]:,} ({seconds:,.0f} s)"


def _worker(worker: SeenWorker) -> dict[str, Any]:
    return {
        "worker": worker.name,
        "host": worker.host,
        "pid": worker.pid,
        "queues": worker.queues,
        "state": "busy" if worker.is_busy else "idle",
        "heartbeat": worker.heartbeat and worker.heartbeat.isoformat(),
    }


def _problems(
    accounts: list[dict[str, Any]], held: list[dict[str, str]], found: Standing
) -> list[str]:
    """What needs somebody: a quota that is used up or a slower pace mend themselves."""
    return [
        *(
            f"account {one['account']} cannot send: {one['cause'] or 'no usable answer of WeChat'}"
            for one in accounts
            if one["state"] == "stopped"
        ),
        *(f"template {one['code']} is held: {one['held_because']}" for one in held),
        *(f"{one.text} {one.to_do}" for one in found.troubles),
    ]


def _show(
    terminal: Terminal,
    accounts: list[dict[str, Any]],
    found: Standing,
    problems: list[str],
) -> None:
    columns = (
        *("account", "state", "urgent", "normal", "bulk"),
        *("last sent", "sent today", "quota left", "pace"),
    )
    terminal.table(
        "Accounts, and what waits",
        columns,
        [
            (
                one["account"],
                one["state"],
                *(_waits(one, word) for word in one["waiting"]),
                one["last_sent"] or "-",
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
        ("worker", "host", "state", "heartbeat", "queues"),
        [
            (
                *(one.name, one.host, "busy" if one.is_busy else "idle"),
                f"{one.heartbeat:%H:%M:%S} UTC" if one.heartbeat else "-",
                ", ".join(one.queues),
            )
            for one in found.workers
        ],
    )
    terminal.line("")
    if found.clock_beat:
        terminal.line(f"The clock was last heard at {found.clock_beat:%Y-%m-%d %H:%M:%S} UTC.")
    for problem in problems:
        terminal.line(problem, "red")
    if not problems:
        terminal.line("Everything works.", "green")
