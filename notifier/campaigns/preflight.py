"""The pre-flight: every person of the audience is looked up and their message rendered, by the same
code that sends. Nothing is sent; what is found becomes the campaign's rows. Broken off, it begins
anew.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from notifier.campaigns.audience import Entry, read
from notifier.campaigns.files import files
from notifier.campaigns.replay import without_reached
from notifier.intake.accept import Origin
from notifier.intake.allowed import sendable_or_reject
from notifier.intake.bulk import Batch, Draft, faults_of
from notifier.intake.errors import Fault
from notifier.models import Audience, Campaign, CampaignRow, CampaignState, Priority
from notifier.models.campaigns import LIFETIME
from notifier.recipients.claims import Claim
from notifier.recipients.imports.error_file import ErrorFile
from notifier.recipients.imports.problems import Problem, Unreadable
from templates_app.compiled import published

DOUBLED = Fault("/to", "doubled", gettext_noop("The person is in the audience twice."))
DELETED_AT_ONCE = 10_000
HAS_ROWS = {"forgotten_at": None, "audience_deleted_at": None}
LONGEST = 3
"""Cards that the page shows: those with the longest values."""


def check(claim: Claim[Campaign]) -> None:
    """Raises Unreadable, Rejected, Lost, Stopping."""
    campaign = claim.row
    batch = batch_of(campaign)
    _delete_rows(claim)
    findings = Findings()
    with (
        translation.override(settings.LANGUAGE_CODE),
        read(campaign) as reading,
        _error_file(campaign, reading.headers) as errors,
    ):
        for entries in reading.chunks:
            claim.go_on()
            faults = _judged(batch, campaign, entries)
            for entry, found in zip(entries, faults, strict=True):
                findings.add(entry, found)
                if found and errors:
                    errors.write(entry.cells, [_problem(entry, fault) for fault in found])
            findings.note_longest(batch, campaign, entries)
            percent = min(int(reading.share() * 100), 99)
            with transaction.atomic():  # rows of a worker that has lost its claim are not kept
                _keep_rows(campaign, entries, faults)
                claim.keep(percent=percent, **HAS_ROWS, **findings.figures())
        ignored = list(reading.ignored)
    if not findings.total:
        raise Unreadable(gettext_noop("The audience is empty."))
    claim.keep(
        state=CampaignState.CHECKED,
        percent=100,
        attempts=0,
        checked_at=timezone.now(),
        ignored_columns=ignored,
        longest=_pks_of(campaign, findings),
    )


def _delete_rows(claim: Claim[Campaign]) -> None:
    """Of an earlier check. A worker that has lost its claim deletes nothing: they may be sent by
    now."""
    rows = CampaignRow.objects.filter(campaign=claim.row.pk).order_by("pk")
    while ids := list(rows.values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        claim.go_on()
        with transaction.atomic():
            claim.keep()
            rows.filter(pk__gte=ids[0], pk__lte=ids[-1]).order_by().delete()


def _error_file(campaign: Campaign, headers: Sequence[str]) -> AbstractContextManager[Any]:
    """Only a file's rows can be corrected and uploaded again."""
    path = files.errors(campaign.pk)
    if campaign.audience == Audience.UPLOAD:
        return closing(ErrorFile(path, headers))
    path.unlink(missing_ok=True)  # of an earlier upload
    return nullcontext()


def _pks_of(campaign: Campaign, findings: "Findings") -> list[int]:
    """Looked up once: the page, which asks every two seconds, cannot search by number."""
    numbers = sorted({number for _length, number in findings.longest.values()})[:LONGEST]
    rows = CampaignRow.objects.filter(campaign=campaign.pk, number__in=numbers)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def batch_of(campaign: Campaign) -> Batch:
    """The campaign's own version of the template. Raises Rejected: the template is held, say."""
    version = campaign.version
    template = sendable_or_reject(version.template.code)
    return Batch(
        replace(template, version_id=version.pk, version_number=version.number),
        Origin(client=campaign.client, requested_by=campaign.created_by),
        timezone.now(),
        Priority(campaign.priority),
        campaign.pk,
    )


@dataclass(slots=True)
class Findings:
    """The figures so far."""

    total: int = 0
    ready: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    longest: dict[str, tuple[int, int]] = field(default_factory=dict)
    """field of the template -> (length of the value, number of the row)"""

    def add(self, entry: Entry, faults: Sequence[Fault]) -> None:
        self.total += 1
        self.ready += not faults
        if faults:
            self.problems[faults[0].code] += 1

    def note_longest(self, batch: Batch, campaign: Campaign, entries: Sequence[Entry]) -> None:
        compiled = published(batch.template.version_id or 0)
        for entry in entries:
            if not entry.data and self.longest:  # the same card as everybody's
                continue
            values = compiled.render({**campaign.data, **entry.data}).data
            for key, value in values.items():
                self.longest[key] = max(self.longest.get(key, (-1, 0)), (len(value), entry.number))

    def figures(self) -> dict[str, object]:
        return {"total": self.total, "ready": self.ready, "problems": dict(self.problems)}


def _judged(batch: Batch, campaign: Campaign, entries: Sequence[Entry]) -> list[tuple[Fault, ...]]:
    due_at = timezone.now()
    drafts = [
        Draft(entry.person, {**campaign.data, **entry.data}, due_at, due_at + LIFETIME)
        for entry in entries
    ]
    faults = faults_of(replace(batch, now=due_at), drafts)
    without_reached(campaign, {place: one.person for place, one in enumerate(entries)}, faults)
    people = [entry.person for entry in entries if entry.person]
    rows = CampaignRow.objects.filter(campaign=campaign.pk, recipient__in=people, problem="")
    seen = set(rows.values_list("recipient_id", flat=True))
    for place, entry in enumerate(entries):
        if entry.person in seen and not faults[place]:
            faults[place] = (DOUBLED,)
        elif entry.person and not faults[place]:
            seen.add(entry.person)
    return faults


def _keep_rows(
    campaign: Campaign, entries: Sequence[Entry], faults: Sequence[tuple[Fault, ...]]
) -> None:
    CampaignRow.objects.bulk_create(
        CampaignRow(
            campaign=campaign,
            number=entry.number,
            recipient_id=entry.person,
            data=entry.data,
            problem=found[0].code if found else "",
        )
        for entry, found in zip(entries, faults, strict=True)
    )


def _problem(entry: Entry, fault: Fault) -> Problem:
    column = fault.pointer.rpartition("/")[2] if fault.pointer.startswith("/data/") else ""
    return Problem(entry.number, column, fault.message, fault.params)
