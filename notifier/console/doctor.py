"""hongyan doctor: is everything right between an account and WeChat? Exit code 1: something is bad.

Asks WeChat and sends nothing. Each finding names what to do.
"""

from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from rich.text import Text

from notifier.audit.record import record
from notifier.console import chosen
from notifier.console.terminal import Exit, Failed, Terminal
from notifier.doctor.callback import Received
from notifier.doctor.examination import Checked, Examination, examine
from notifier.doctor.results import Verdict
from notifier.models import Action
from templates_app.models import OfficialAccount

HELP = "examines an account: secret, IP whitelist, token, templates, callback, quota, speed, clock"
TICKS = {True: "yes", False: "no", None: "-"}
TICKED = ("signed", "in time", "done", "known")
COLUMNS = ("", "check", "finding", "what to do")
STYLES: dict[Verdict, str] = {
    Verdict.OK: "green",
    Verdict.WARN: "yellow",
    Verdict.BAD: "red",
    Verdict.SKIPPED: "dim",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("account", nargs="?", help="its short name; else all active ones")
    parser.add_argument(
        "--language", choices=[code for code, _name in settings.LANGUAGES], default="en"
    )


def run(terminal: Terminal, *, account: str | None, language: str, **_options: Any) -> Exit:
    active = OfficialAccount.objects.filter(is_active=True).order_by("slug")
    accounts = [chosen.account(account)] if account else list(active)
    if not accounts:
        raise Failed(Exit.USAGE, "There is no active account.")
    with translation.override(language):
        found = [_examined(one) for one in accounts]
        if terminal.as_json:
            terminal.json(_as_json(found))
        else:
            for one in found:
                _show(terminal, one)
    return Exit.REFUSED if any(one.named(Verdict.BAD) for one in found) else Exit.OK


def _examined(account: OfficialAccount) -> Examination:
    found = examine(account, timezone.now())
    record(
        Action.EXAMINE,
        object_type=account._meta.label_lower,
        object_id=account.pk,
        object_name=str(account),
        after=found.summary(),
    )
    return found


def _show(terminal: Terminal, found: Examination) -> None:
    terminal.table(found.account.slug, COLUMNS, [_row(one) for one in found.checks])
    if rows := [_push(one) for one in found.pushes]:
        terminal.line("")
        columns = ("received", "push", "status", "msgid", "who", *TICKED)
        terminal.table("The latest pushes", columns, rows)
    terminal.line("")


def _row(one: Checked) -> tuple[Any, ...]:
    result = one.result
    finding = "\n".join((result.finding, *result.details))
    return Text(result.verdict, style=STYLES[result.verdict]), one.title, finding, result.fix


def _push(one: Received) -> tuple[str, ...]:
    ticks = (one.is_signed, one.is_prompt, one.is_done, one.is_known)
    said = (one.event or one.title, one.status, one.msgid, one.openid)
    return _at(one.received_at), *said, *(TICKS[tick] for tick in ticks)


def _at(moment: datetime) -> str:
    return timezone.localtime(moment).strftime("%m-%d %H:%M:%S")


def _as_json(found: list[Examination]) -> dict[str, Any]:
    return {
        "ok": not any(one.named(Verdict.BAD) for one in found),
        "accounts": [
            {
                "account": one.account.slug,
                "checks": [{"check": check.name, **asdict(check.result)} for check in one.checks],
                "pushes": [asdict(push) for push in one.pushes],
            }
            for one in found
        ],
    }
