"""hongyan replay: messages that ended without arriving are tried again, as the admin's “try again”
does. First it says how many, and asks."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from notifier.acting import login
from notifier.audit.record import record
from notifier.console.chosen import add_filters, filtered, in_states, message_id
from notifier.console.terminal import Exit, Failed, Terminal
from notifier.dispatch.repair import Fate, fate_of_retry, retry
from notifier.models import MOVES, Action, Message, State

HELP = "lets messages that failed, expired or are unknown be tried again"
CHUNK = 1000
REPLAYED = tuple(state for state, to in MOVES.items() if State.QUEUED in to)
REPLAYED = tuple(state for state in REPLAYED if state is not State.SENDING)
WORDS: dict[Fate, str] = {
    Fate.GOES: "were never delivered: can be tried again",
    Fate.RISKY: "may have been delivered: only with --with-risk",
    Fate.ON_ITS_WAY: "are still on their way",
    Fate.TOO_LATE: "were taken by WeChat",
    Fate.ELSEWHERE: "went another way",
    Fate.REFUSED: "are refused: erased, or of a cancelled campaign",
}


def add_arguments(parser: ArgumentParser) -> None:
    add_filters(parser)
    states = [state.value for state in REPLAYED]
    parser.add_argument("--state", action="append", choices=states, help="failed unless given")
    parser.add_argument("--id", action="append", type=message_id, help="a message's; repeatable")
    parser.add_argument("--limit", type=int, help="at most so many, the oldest first")
    parser.add_argument(
        "--with-risk", action="store_true", help="those, too, that may arrive a second time"
    )
    parser.add_argument("--dry-run", action="store_true", help="counts them, changes nothing")
    parser.add_argument("--yes", action="store_true", help="does not ask")


def run(terminal: Terminal, **options: Any) -> Exit:
    rows = _rows(options)
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[: options["limit"]])
    fates = _foresee(terminal, ids)
    wanted = {Fate.GOES, Fate.RISKY} if options["with_risk"] else {Fate.GOES}
    count = sum(fates[fate] for fate in wanted)
    told = [(f"{fates[fate]:,}", word) for fate, word in WORDS.items() if fates[fate]]
    terminal.table(f"Messages found: {len(ids):,}", ("messages", ""), told)
    if options["dry_run"] or not count:
        _tell(terminal, fates, 0, options["dry_run"])
        return Exit.OK if options["dry_run"] else Exit.REFUSED
    if not terminal.is_sure(f"Try {count:,} messages again?", options["yes"]):
        raise Failed(Exit.REFUSED, "Nothing was changed.")
    done = _replay(terminal, ids, options["with_risk"])
    tried = sum(done[fate] for fate in wanted)
    terminal.line(f"Tried again: {tried:,}.")
    _tell(terminal, done, tried, False)
    return Exit.OK


def _rows(options: dict[str, Any]) -> QuerySet[Message]:
    rows = filtered(options)
    if options["id"]:
        return rows.filter(pk__in=options["id"])
    return rows.filter(in_states(options["state"], (State.FAILED,)))


def _foresee(terminal: Terminal, ids: list[UUID]) -> Counter[Fate]:
    fates: Counter[Fate] = Counter()
    with terminal.progress("looking", len(ids)) as step:
        for chunk in _chunks(ids):
            found = Message.objects.filter(pk__in=chunk).defer("payload")
            for message in found.select_related("fallback", "recipient", "campaign"):
                fates[fate_of_retry(message)] += 1
            step(fates.total())
    return fates


def _replay(terminal: Terminal, ids: list[UUID], with_risk: bool) -> Counter[Fate]:
    """Each chunk is recorded when it is done: what a Ctrl-C leaves is as it was."""
    done: Counter[Fate] = Counter()
    with terminal.progress("trying again", len(ids)) as step:
        for chunk in _chunks(ids):
            fates = retry(chunk, login(), timezone.now(), with_risk)
            record(
                Action.REPAIR,
                object_type="notifier.Message",
                object_id=chunk[0].hex if len(chunk) == 1 else "",
                object_name=f"retry: {len(chunk)}",
                after={fate.value: count for fate, count in fates.items()}
                | {"with_risk": with_risk},
            )
            done.update(fates)
            step(done.total())
    return done


def _chunks(ids: list[UUID]) -> Iterator[list[UUID]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def _tell(terminal: Terminal, fates: Counter[Fate], tried: int, dry_run: bool) -> None:
    if terminal.as_json:
        counts = {fate.value: fates[fate] for fate in WORDS}
        terminal.json({"dry_run": dry_run, "found": fates.total(), "tried": tried} | counts)
