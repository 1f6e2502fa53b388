"""Who a campaign is for: the people of a segment, group or tag, or the rows of a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from notifier.campaigns.columns import Columns, match
from notifier.campaigns.files import NDJSON_NAME, files
from notifier.models import Audience, Campaign, Recipient
from notifier.recipients.directory import resolve_many
from notifier.recipients.imports.problems import Unreadable
from notifier.recipients.imports.reading import Row, opened
from notifier.recipients.segments import people

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """`person`: the id of the recipient's row; None: the account has none. `cells`: of a file."""

    number: int
    person: int | None
    data: Mapping[str, str] = field(default_factory=dict)
    cells: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """`share()`: how much has been read, 0 to 1. `headers`: of a file."""

    chunks: Iterator[list[Entry]]
    share: Callable[[], float]
    headers: Sequence[str] = ()
    ignored: Sequence[str] = ()


@contextmanager
def read(campaign: Campaign) -> Iterator[Reading]:
    """In chunks, in the order of sending. Raises Unreadable, also while it is read."""
    if campaign.audience == Audience.UPLOAD:
        with _read_file(campaign) as reading:
            yield reading
    else:
        yield _read_people(people_of(campaign))


def people_of(campaign: Campaign) -> QuerySet[Recipient]:
    """Raises Unreadable where none is chosen."""
    everybody = Recipient.objects.filter(account=campaign.account_id)
    if campaign.audience == Audience.SEGMENT and campaign.segment:
        return people(campaign.segment)
    if campaign.audience == Audience.GROUP and campaign.group_id:
        return everybody.filter(groups=campaign.group_id)
    if campaign.audience == Audience.TAG and campaign.tag_id:
        return everybody.filter(tags=campaign.tag_id)
    raise Unreadable(gettext_noop("No audience is chosen."))


def _read_people(found: QuerySet[Recipient]) -> Reading:
    total = max(found.count(), 1)
    seen = 0

    def chunks() -> Iterator[list[Entry]]:
        nonlocal seen
        last = 0
        while ids := list(
            found.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]
        ):
            yield [Entry(seen + place, pk) for place, pk in enumerate(ids, 1)]
            seen, last = seen + len(ids), ids[-1]

    return Reading(chunks(), lambda: min(seen / total, 1.0))


@contextmanager
def _read_file(campaign: Campaign) -> Iterator[Reading]:
    with opened(files.upload(campaign.pk)) as sheet:
        columns = match(sheet.headers, campaign.version)
        above = campaign.upload_name == NDJSON_NAME
        numbered = ((number - above, cells) for number, cells in sheet.rows)

        def chunks() -> Iterator[list[Entry]]:
            while rows := list(islice(numbered, CHUNK)):
                yield _entries(rows, columns, campaign.account_id)

        yield Reading(chunks(), sheet.share, sheet.headers, columns.ignored)


def _entries(rows: Sequence[Row], columns: Columns, account_id: int) -> list[Entry]:
    for number, cells in rows:
        if any("\0" in cell for cell in cells):
            raise Unreadable(
                gettext_noop("Row %(row)d holds the character NUL, which is no text. Remove it."),
                row=number,
            )
    ids = resolve_many(account_id, [columns.address(cells) for _number, cells in rows])
    return [
        Entry(number, pk, columns.data(cells), cells)
        for (number, cells), pk in zip(rows, ids, strict=True)
    ]
