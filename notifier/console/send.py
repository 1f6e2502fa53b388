"""hongyan send: one message, through intake as the admin's, and if wanted until it has arrived."""

import time
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from notifier.acting import login
from notifier.audit.record import record, recording
from notifier.console.terminal import Exit, Failed, Terminal
from notifier.intake.accept import Accepted, Origin, SendRequest, accept
from notifier.intake.dry_run import foresee
from notifier.intake.errors import Changing, Fault, Rejected
from notifier.models import Action, Message, Priority, State, masked_openid
from notifier.models.timeline import timeline
from notifier.recipients.directory import Address

HELP = "sends one message; with --wait, watches it arrive"
OVER = frozenset(State) - {State.QUEUED, State.SENDING, State.SENT}
ARRIVED = frozenset({State.SENT, State.DELIVERED})
LOOK_SECONDS = 0.2


def variable(text: str) -> tuple[str, str]:
    """An argparse type."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ArgumentTypeError(f"{text!r} is no variable: write name=value")
    return name, value


def when(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f"{text!r} is no time: write 2026-11-24T10:00")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("template", help="its code")
    parser.add_argument(
        "--data",
        nargs="+",
        action="extend",
        default=[],
        type=variable,
        metavar="NAME=VALUE",
        help="the template's variables",
    )
    to = parser.add_mutually_exclusive_group(required=True)
    to.add_argument("--openid")
    to.add_argument("--user", help="your own id of the person")
    to.add_argument("--phone")
    to.add_argument("--unionid")
    parser.add_argument("--url", help="in place of the template's link")
    parser.add_argument("--priority", choices=[one.word for one in Priority], default="normal")
    parser.add_argument("--at", type=when, help="when to send it: 2026-11-24T10:00")
    parser.add_argument("--dry-run", action="store_true", help="checks and renders, sends nothing")
    parser.add_argument(
        "--wait",
        nargs="?",
        type=float,
        const=30.0,
        metavar="SECONDS",
        help="until the receipt has come (30 s); exit code 4 if it has not",
    )


def run(terminal: Terminal, **options: Any) -> Exit:
    request = SendRequest(
        template=options["template"],
        to=Address(**{name: options[name] or "" for name in _KINDS}),
        data=dict(options["data"]),
        priority=Priority[options["priority"].upper()],
        url=options["url"],
        send_at=options["at"],
    )
    try:
        if options["dry_run"]:
            return _foresee(terminal, request)
        with recording():
            accepted = accept(request, Origin(requested_by=login()))
            _record(accepted)
    except Rejected as rejected:
        raise _refused(rejected) from None
    except Changing:
        raise Failed(Exit.REFUSED, "What it names was changed just now. Try again.") from None
    message = accepted.message
    terminal.line(f"accepted {message.id.hex}")
    if options["wait"] is None:
        if terminal.as_json:
            terminal.json(_told(message))
        return Exit.OK
    return _watch(terminal, message, options["wait"])


_KINDS = ("openid", "user", "phone", "unionid")


def _record(accepted: Accepted) -> None:
    message = accepted.message
    record(
        Action.SEND,
        object_type=message._meta.label_lower,
        object_id=message.id.hex,
        object_name=accepted.template,
        after={"recipient": masked_openid(message.openid)},
    )


def _foresee(terminal: Terminal, request: SendRequest) -> Exit:
    found = foresee(request, Origin())
    told = {
        "dry_run": True,
        "template": found.template.code,
        "to": masked_openid(found.openid),
        "data": found.rendered.data,
        "due_at": found.due_at.isoformat(),
        "waiting": found.waits and found.waits.reason,
    }
    if terminal.as_json:
        terminal.json(told)
    else:
        terminal.table("It would be sent so", ("field", "value"), found.rendered.data.items())
        terminal.line(f"to {told['to']}, due {told['due_at']}")
    return Exit.OK


def _refused(rejected: Rejected) -> Failed:
    lines = [f"{fault.pointer}: {fault.detail}" for fault in rejected.faults]
    errors = [_fault(fault) for fault in rejected.faults]
    return Failed(Exit.REFUSED, "Refused. " + " ".join(lines), errors=errors)


def _fault(fault: Fault) -> dict[str, str]:
    return {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail}


def _watch(terminal: Terminal, message: Message, seconds: float) -> Exit:
    deadline = time.monotonic() + seconds
    seen = 1  # the acceptance
    while True:
        message.refresh_from_db()
        events = timeline(message)
        for event in events[seen:]:
            detail = f"  {event.detail}" if event.detail else ""
            terminal.line(f"{timezone.localtime(event.at):%H:%M:%S}  {event.state}{detail}")
        seen = len(events)
        is_over = message.state in OVER
        if is_over or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    if terminal.as_json:
        terminal.json(_told(message))
    if not is_over:
        terminal.complain(f"It is {message.state}: the receipt has not come in {seconds:g} s.")
        return Exit.TIMEOUT
    return Exit.OK if message.state in ARRIVED else Exit.REFUSED


def _told(message: Message) -> dict[str, Any]:
    return {
        "id": message.id.hex,
        "state": message.state,
        "template": message.version.template.code,
        "to": masked_openid(message.openid),
        "msgid": message.msgid or None,
        "errcode": message.errcode,
        "errmsg": message.errmsg or None,
        "receipt": message.receipt_status or None,
    }
