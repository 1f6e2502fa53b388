"""An audience that a service uploads becomes the campaign's file, as an operator's upload does."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any, cast

from django.db import transaction
from rest_framework.request import Request

from notifier.api.batch import NDJSON, Lines
from notifier.api.bodies import decoded, unstorable
from notifier.api.campaign_bodies import RowOfAudience, decode_row
from notifier.api.errors import InvalidRequest
from notifier.campaigns import states
from notifier.campaigns.files import NDJSON_NAME, files
from notifier.campaigns.preflight import HAS_ROWS
from notifier.intake.errors import Fault
from notifier.models import Audience, Campaign
from notifier.recipients.imports.files import fresh
from notifier.recipients.safe_csv import guarded
from templates_app.compiled import published

ADDRESSES = ("openid", "user", "phone", "unionid")
HEADERS = ("openid", "user_id", "phone", "unionid")
MOST_FAULTS = 20
KINDS = {NDJSON: NDJSON_NAME, "text/csv": "rows.csv"}


def keep_rows(request: Request, campaign: Campaign, by: str) -> None:
    """All or none. Raises InvalidRequest, NotAllowed."""
    kind = (request.content_type or "").partition(";")[0].strip().lower()
    if kind not in KINDS:
        text = f"Send {NDJSON}, a JSON object a line, or text/csv with a row of headers."
        raise InvalidRequest([Fault("", "unsupported_media_type", text)], status=415)
    if campaign.audience != Audience.UPLOAD:
        text = 'The campaign has another audience. Make it with {"rows": true}.'
        raise InvalidRequest([Fault("/audience", "other_audience", text)], status=422)
    lines = Lines(cast(Any, request)._request)
    staged = fresh(files.staged(campaign.pk))
    try:
        _write(lines, kind, campaign, staged)
        if lines.cut:
            raise InvalidRequest([replace(lines.cut, code="body_broke_off")])
        with transaction.atomic():
            states.note_editor(campaign.pk, by)
            Campaign.objects.filter(pk=campaign.pk).update(upload_name=KINDS[kind], **HAS_ROWS)
            staged.replace(files.upload(campaign.pk))
    finally:
        staged.unlink(missing_ok=True)


def _write(lines: Lines, kind: str, campaign: Campaign, path: Path) -> None:
    if kind == "text/csv":
        with path.open("wb") as raw:
            for part in lines.parts():
                raw.write(part)
        return
    variables = published(campaign.version_id).variables
    faults: list[Fault] = []
    above = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*HEADERS, *variables])
        for number, line in lines:
            writer.writerows(repeat([], number - above - 1))  # blank lines, which count as well
            above = number
            try:
                writer.writerow(_cells(decoded(decode_row, line), variables))
            except InvalidRequest as invalid:
                faults += _at(number, invalid.faults)
            if len(faults) >= MOST_FAULTS:
                break
    if faults:
        raise InvalidRequest(faults, status=422)


def _cells(row: RowOfAudience, variables: tuple[str, ...]) -> list[str]:
    """Raises InvalidRequest."""
    given = [getattr(row, name) or "" for name in ADDRESSES]
    if sum(map(bool, given)) != 1:
        text = "Give one of openid, user, phone and unionid."
        raise InvalidRequest([Fault("", "one_of", text)])
    if unknown := sorted(row.data.keys() - set(variables)):
        text = f"The template has no variable {unknown[0]!r}; it has {', '.join(variables)}."
        raise InvalidRequest([Fault(f"/data/{unknown[0]}", "unknown_variable", text)])
    if faults := [*unstorable(row.data, "/data")]:
        raise InvalidRequest(faults)
    return guarded([*given, *(str(row.data.get(name, "")) for name in variables)])


def _at(number: int, faults: Any) -> Iterator[Fault]:
    for fault in faults:
        yield replace(fault, pointer=f"/lines/{number}{fault.pointer}")
