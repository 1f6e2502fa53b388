"""Recipients that a service writes: by the rules and on the road of an import."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from notifier.models import Recipient
from notifier.recipients import attributes
from notifier.recipients.imports.applying import RACES, write
from notifier.recipients.imports.columns import CELLS, MAX_GROUPS, Entry, Wrong
from notifier.recipients.imports.comparing import compare
from notifier.recipients.imports.problems import Problem
from notifier.recipients.imports.seen import UNIQUE

Rows = Sequence[Mapping[str, Any]]
TWICE = "stands in the request twice"
CLEARS: dict[str, tuple[str, ...]] = {
    "user_id": ("user_id",),
    "name": ("name",),
    "email": ("email",),
    "phone": ("phone_hash", "phone_shown"),
    "unionid": ("unionid",),
    "attributes": ("attributes",),
}
"""What an explicit null empties."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status`: created, changed, unchanged or rejected; then with what is wrong."""

    status: str
    problems: tuple[Problem, ...] = ()


def upsert(account_id: int, rows: Rows) -> list[Outcome]:
    """Each row: `openid`, and what is to be set of the import's columns; None empties, what is not
    named stays. `groups` are joined, `leave_groups` left. Of `attributes` each name is set, or
    removed by None. In the order of the rows."""
    entries, problems = _read(rows)
    for race in range(RACES):
        try:
            with transaction.atomic():
                plan = compare(account_id, entries, for_update=True)
                write(account_id, plan)
                wrong = {problem.row for problem in plan.problems}
                left = _leave(account_id, [one for one in entries if one.row not in wrong], rows)
            break
        except IntegrityError:  # somebody added the person, or took their user id, meanwhile
            if race == RACES - 1:
                raise
    for problem in plan.problems:
        problems.setdefault(problem.row, []).append(problem)
    new, changed = {row.openid for row in plan.new}, {row.openid for row in plan.changed} | left
    outcomes = []
    for number, row in enumerate(rows):
        if number in problems:
            outcomes.append(Outcome("rejected", tuple(problems[number])))
        elif row["openid"] in new:
            outcomes.append(Outcome("created"))
        else:
            outcomes.append(Outcome("changed" if row["openid"] in changed else "unchanged"))
    return outcomes


def _read(rows: Rows) -> tuple[list[Entry], dict[int, list[Problem]]]:
    entries: list[Entry] = []
    problems: dict[int, list[Problem]] = {}
    for number, row in enumerate(rows):
        values: dict[str, Any] = {"cleared": []}
        for column, value in row.items():
            try:
                if column in ("groups", "leave_groups"):
                    names = _groups(value or [])
                    values |= {"groups": names} if column == "groups" else {}
                elif value is None or value == "":
                    if column == "openid":
                        raise Wrong("is empty; every row needs an OpenID")
                    values["cleared"] += CLEARS[column]
                elif column == "attributes":
                    attributes.check(value)
                    values["attributes"] = value
                else:
                    values |= CELLS[column](value)
            except Wrong as wrong:
                problem = Problem(number, column, wrong.text, wrong.params)
                problems.setdefault(number, []).append(problem)
        if number not in problems:
            entries.append(Entry(row=number, **values))
    for problem in _repeated(entries):
        problems.setdefault(problem.row, []).append(problem)
    return [entry for entry in entries if entry.row not in problems], problems


def _groups(names: Sequence[str]) -> list[str]:
    if len(names) > MAX_GROUPS:
        raise Wrong("names more than %(limit)d groups", limit=MAX_GROUPS)
    return [name for one in names for name in CELLS["groups"](one)["groups"]]


def _repeated(entries: Sequence[Entry]) -> Iterable[Problem]:
    """Which of the two is meant, nobody knows: both are refused."""
    for column, name in UNIQUE.items():
        counts = Counter(value for entry in entries if (value := getattr(entry, name)))
        for entry in entries:
            if counts[getattr(entry, name)] > 1:
                yield Problem(entry.row, column, TWICE)


def _leave(account_id: int, entries: Sequence[Entry], rows: Rows) -> set[str]:
    """The OpenIDs of those who were in a group that they leave."""
    wanted = {
        (entry.openid, name)
        for entry in entries
        for name in rows[entry.row].get("leave_groups") or ()
    }
    if not wanted:
        return set()
    through = Recipient.groups.through.objects.filter(
        recipient__account_id=account_id,
        recipient__openid__in={openid for openid, _name in wanted},
        recipientgroup__name__in={name for _openid, name in wanted},
    )
    members = through.values_list("pk", "recipient__openid", "recipientgroup__name")
    gone = {pk: openid for pk, openid, name in members if (openid, name) in wanted}
    Recipient.groups.through.objects.filter(pk__in=gone).delete()
    return set(gone.values())
