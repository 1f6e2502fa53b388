"""A chunk of entries beside what is stored: who is new, who changes, whom another one stands for.

The dry run and the import ask the same question, so they cannot differ in their answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop

from notifier.models import Recipient, RecipientGroup, masked_openid
from notifier.recipients.attributes import is_alike, merged
from notifier.recipients.imports.columns import Entry, Wrong
from notifier.recipients.imports.problems import Problem
from notifier.recipients.imports.seen import UNIQUE

TEXTS = ("user_id", "name", "email", "phone_hash", "phone_shown", "unionid")
COLUMNS = (*TEXTS, "attributes")
TAKEN = gettext_noop("belongs to another recipient already (%(openid)s); empty it there first")

Existing = dict[str, Recipient]


@dataclass(slots=True)
class Plan:
    new: list[Recipient] = field(default_factory=list)
    changed: list[Recipient] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    joins: list[tuple[str, str]] = field(default_factory=list)
    """(OpenID, group's name) that are not yet so."""


def compare(account_id: int, entries: Sequence[Entry], for_update: bool = False) -> Plan:
    """`for_update`: in a transaction that writes the plan. Nobody else changes these people until
    then, so that of two who write at once neither puts back what was before the other."""
    plan = Plan()
    existing = _existing(account_id, entries, for_update)
    plan.problems = list(_taken(account_id, entries))
    wrong = {problem.row for problem in plan.problems}
    members = _members(account_id, entries, existing)
    for entry in entries:
        if entry.row in wrong:
            continue
        row = existing.get(entry.openid)
        attributes = row.attributes if row else {}
        try:
            if entry.attributes:
                attributes = merged(attributes, entry.attributes)
        except Wrong as fault:
            plan.problems.append(Problem(entry.row, "attributes", fault.text, fault.params))
            continue
        wanted = [(entry.openid, name) for name in entry.groups]
        joins = [one for one in wanted if one not in members]
        plan.joins += joins
        if row is None:
            values = {name: getattr(entry, name) for name in TEXTS}
            person = Recipient(account_id=account_id, openid=entry.openid, **values)
            person.attributes = attributes
            plan.new.append(person)
        elif _change(row, entry, attributes) or joins:
            plan.changed.append(row)
        else:
            plan.unchanged += 1
    return plan


def _existing(account_id: int, entries: Sequence[Entry], for_update: bool) -> Existing:
    people = Recipient.objects.filter(account_id=account_id)
    found = people.filter(openid__in=[entry.openid for entry in entries])
    if for_update:
        # In the order of their ids, as everybody who locks several: else two could wait for each
        # other. Messages to them, which refer to the row, need not wait.
        found = found.order_by("pk").select_for_update(no_key=True)
    return {row.openid: row for row in found}


def _change(row: Recipient, entry: Entry, attributes: dict[str, Any]) -> bool:
    """What the entry says is set; an empty cell leaves what is there."""
    before, held = [getattr(row, name) for name in TEXTS], row.attributes
    row.attributes = attributes
    for name in TEXTS:
        if value := getattr(entry, name):
            setattr(row, name, value)
    for name in entry.cleared:
        setattr(row, name, {} if name == "attributes" else "")
    is_same = before == [getattr(row, name) for name in TEXTS]
    return not (is_same and is_alike(held, row.attributes))


def _taken(account_id: int, entries: Sequence[Entry]) -> Iterator[Problem]:
    """An id that leads to somebody else: set here as well, it would lead to two people."""
    people = Recipient.objects.filter(account_id=account_id)
    for column, name in UNIQUE.items():
        wanted = {getattr(entry, name): entry for entry in entries if getattr(entry, name)}
        if column == "openid" or not wanted:
            continue
        owners = people.filter(**{f"{name}__in": list(wanted)}).values_list(name, "openid")
        for value, openid in owners:
            if openid != wanted[value].openid:
                shown = {"openid": masked_openid(openid)}
                yield Problem(wanted[value].row, column, TAKEN, shown)


def _members(account_id: int, entries: Sequence[Entry], existing: Existing) -> set[tuple[str, str]]:
    names = {name for entry in entries for name in entry.groups}
    if not names:
        return set()
    groups = RecipientGroup.objects.filter(account_id=account_id, name__in=names)
    openids = {row.pk: openid for openid, row in existing.items()}
    through = Recipient.groups.through.objects.filter(
        recipientgroup__in=groups, recipient__in=list(openids)
    )
    pairs = through.values_list("recipient_id", "recipientgroup__name")
    return {(openids[pk], name) for pk, name in pairs}
