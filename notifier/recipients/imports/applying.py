"""The import itself: the staged rows are stored, a chunk in a transaction.

Where the next chunk begins moves in the same transaction, so an import that is broken off anywhere
goes on where it stopped, and a chunk that is repeated changes nothing: it is an upsert.
"""

from itertools import islice

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone

from notifier.models import ImportState, Recipient, RecipientGroup, RecipientImport
from notifier.recipients.claims import Claim
from notifier.recipients.imports.checking import SHOWN
from notifier.recipients.imports.columns import Entry
from notifier.recipients.imports.comparing import COLUMNS, Plan, compare
from notifier.recipients.imports.files import files

CHUNK = 2000
RACES = 5


def apply(claim: Claim[RecipientImport]) -> None:
    """Raises Lost, Stopping."""
    with files.staged(claim.row.pk).open("rb") as staged:
        staged.seek(claim.row.applied_bytes)
        while lines := list(islice(staged, CHUNK)):
            claim.go_on()
            entries = [Entry(*orjson.loads(line)) for line in lines]
            _store(claim, entries, claim.row.applied_bytes + sum(map(len, lines)))
    claim.keep(state=ImportState.DONE, percent=100, finished_at=timezone.now())
    files.upload(claim.row.pk).unlink(missing_ok=True)
    files.staged(claim.row.pk).unlink(missing_ok=True)


def _store(claim: Claim[RecipientImport], entries: list[Entry], until: int) -> None:
    """Somebody may give a user id to another person between the look and the write."""
    for race in range(RACES):
        try:
            with transaction.atomic():
                plan = compare(claim.row.account_id, entries, for_update=True)
                write(claim.row.account_id, plan)
                claim.keep(**_progress(claim, plan, until))
            return
        except IntegrityError:
            if race == RACES - 1:
                raise


def _progress(claim: Claim[RecipientImport], plan: Plan, until: int) -> dict[str, object]:
    """The figures are now of what was done, not of what the dry run expected."""
    row = claim.row
    wrong = len({problem.row for problem in plan.problems})
    return {
        "applied_bytes": until,
        "attempts": 0,
        "percent": min(until * 100 // max(row.staged_bytes, 1), 99),
        "new": row.new + len(plan.new),
        "changed": row.changed + len(plan.changed),
        "unchanged": row.unchanged + plan.unchanged,
        "wrong": row.wrong + wrong,
        "problems": (row.problems + plan.problems)[:SHOWN],
    }


def write(account_id: int, plan: Plan) -> None:
    """Raises IntegrityError: somebody else has added one of the new ones. Compare them anew."""
    if plan.new:
        Recipient.objects.bulk_create(
            sorted(plan.new, key=lambda row: row.openid), batch_size=CHUNK
        )
    for row in plan.changed:
        row.pk = None
    Recipient.objects.bulk_create(
        plan.changed,
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["account", "openid"],
        update_fields=COLUMNS,
    )
    if plan.joins:
        _join(account_id, plan.joins)


def _join(account_id: int, joins: list[tuple[str, str]]) -> None:
    names = {name for _openid, name in joins}
    RecipientGroup.objects.bulk_create(
        [RecipientGroup(account_id=account_id, name=name) for name in sorted(names)],
        ignore_conflicts=True,
    )
    groups = RecipientGroup.objects.filter(account_id=account_id, name__in=names)
    group_ids = dict(groups.values_list("name", "pk"))
    people = Recipient.objects.filter(
        account_id=account_id, openid__in={openid for openid, _name in joins}
    )
    people_ids = dict(people.values_list("openid", "pk"))
    through = Recipient.groups.through
    through.objects.bulk_create(
        [
            through(recipient_id=people_ids[openid], recipientgroup_id=group_ids[name])
            for openid, name in joins
        ],
        ignore_conflicts=True,
    )
