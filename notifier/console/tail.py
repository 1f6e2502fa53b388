"""hongyan tail: the log as it happens, one line for each change of a message. No full OpenIDs."""

import time
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.db.models import Max, QuerySet
from django.utils import timezone
from rich.style import Style

from notifier.console.chosen import add_filters, filtered
from notifier.console.terminal import Exit, Terminal
from notifier.models import Message, MessageEvent, State, masked_openid

HELP = "follows the message log; Ctrl-C ends it"
LOOK_SECONDS = 0.5
LATE = 500
"""Events whose number is so much lower than the newest may still become visible: their
transactions began earlier and ended later."""
MOST = 1000
"""Lines at a time."""
COLOURS: dict[str, str] = {
    State.DELIVERED: "green",
    State.SENT: "green",
    State.UNDELIVERED: "yellow",
    State.EXPIRED: "yellow",
    State.FAILED: "red",
    State.UNKNOWN: "red",
}


def add_arguments(parser: ArgumentParser) -> None:
    add_filters(parser)
    parser.add_argument("--state", action="append", choices=State.values, help="may be repeated")
    parser.add_argument("--lines", type=int, default=10, help="so many from before (10)")
    parser.add_argument("--once", action="store_true", help="those from before, and no more")


def run(terminal: Terminal, **options: Any) -> Exit:
    events = _events(options)
    started = newest = MessageEvent.objects.aggregate(last=Max("pk"))["last"] or 0
    for event in reversed(list(events.order_by("-pk")[: max(options["lines"], 0)])):
        _tell(terminal, event)
    seen: set[int] = set()
    try:
        while not options["once"]:
            # Those from before the start were told above, or were not asked for.
            for event in events.filter(pk__gt=max(newest - LATE, started)).order_by("pk")[:MOST]:
                if event.pk not in seen:
                    _tell(terminal, event)
                    seen.add(event.pk)
            newest = max(newest, *seen, 0)
            seen = {pk for pk in seen if pk > newest - LATE}
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        pass
    return Exit.OK


def _events(options: Mapping[str, Any]) -> QuerySet[MessageEvent]:
    events = MessageEvent.objects.select_related("message__version__template")
    if _is_filtered(options):
        events = events.filter(message__in=filtered(options))
    if options["state"]:
        events = events.filter(state__in=options["state"])
    return events.defer("message__payload", "message__metadata")


def _is_filtered(options: Mapping[str, Any]) -> bool:
    names = ("account", "template", "client", "campaign", "errcode", "since", "until")
    return any(options[name] is not None for name in names)


def _tell(terminal: Terminal, event: MessageEvent) -> None:
    message: Message = event.message
    told = {
        "at": timezone.localtime(event.at).isoformat(timespec="milliseconds"),
        "id": message.id.hex,
        "state": event.state,
        "template": message.version.template.code,
        "to": masked_openid(message.openid),
        "attempt": event.attempt or None,
        "reason": event.reason or None,
        "errcode": event.errcode or None,
        "detail": event.detail or None,
        "duration_ms": event.duration_ms,
    }
    if terminal.as_json:
        terminal.json(told)
        return
    parts = [
        f"{timezone.localtime(event.at):%m-%d %H:%M:%S}",
        message.id.hex,
        f"{event.state:<11}",
        told["template"],
        told["to"],
        told["reason"],
        f"errcode {event.errcode}" if event.errcode else None,
        told["detail"],
        f"{event.duration_ms} ms" if event.duration_ms is not None else None,
    ]
    style = Style.parse(COLOURS.get(event.state, "none"))
    terminal.line("  ".join(str(part) for part in parts if part), str(style))
