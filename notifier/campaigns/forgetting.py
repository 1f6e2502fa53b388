"""Audiences do not stay for ever: first the files and the values of uploaded ones go, later who was
in an audience. The counts stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from notifier.campaigns.files import files
from notifier.models import Campaign, CampaignRow, CampaignState
from notifier.models.campaigns import EDITABLE, ENDED

CHUNK = 10_000
VALUES_GO = (*EDITABLE, *ENDED)
"""The others may still send their rows. A checked one cannot any more: its check is too old."""


def forget_uploads() -> None:
    """Of campaigns that nobody has changed, checked or ended for as long as imports are kept,
    whatever their audience is now. By the clock, every hour."""
    close_old_connections()
    old = timezone.now() - timedelta(days=settings.IMPORT_KEEP_DAYS)
    for pk in _filled(old).values_list("pk", flat=True):
        _forget(pk, old)


def forget_audiences() -> None:
    """Of campaigns that nobody has changed, checked or ended for as long as messages are kept: from
    now on the sweep of old rows deletes who was in them. By the clock, every hour."""
    close_old_connections()
    now, days = timezone.now(), settings.MESSAGE_KEEP_DAYS
    if days:
        old = _untouched_since(now - timedelta(days=days)).filter(state__in=VALUES_GO)
        old = old.filter(Exists(CampaignRow.objects.filter(campaign=OuterRef("pk"))))
        old.filter(audience_deleted_at=None).update(audience_deleted_at=now)


def _filled(old: datetime) -> QuerySet[Campaign]:
    return _untouched_since(old).filter(forgotten_at=None)


def _untouched_since(old: datetime) -> QuerySet[Campaign]:
    return Campaign.objects.filter(
        Q(checked_at=None) | Q(checked_at__lt=old),
        Q(finished_at=None) | Q(finished_at__lt=old),
        created_at__lt=old,
    ).exclude(state=CampaignState.CHECKING)


def _forget(pk: int, old: datetime) -> None:
    """The campaign is not locked while its rows are emptied: a check that begins meanwhile makes
    new ones, with higher pks."""
    with _locked(pk, old) as campaign:
        if campaign is None:
            return
        # The rows hold what is to be sent; the file is asked for by a check alone.
        files.delete(pk)
        if campaign.state not in VALUES_GO:
            return
        rows = CampaignRow.objects.filter(campaign=pk).order_by("pk")
        newest = rows.values_list("pk", flat=True).last() or 0
    _empty_rows(rows, newest)
    with _locked(pk, old) as campaign:
        if campaign:
            Campaign.objects.filter(pk=pk).update(forgotten_at=timezone.now())


@contextmanager
def _locked(pk: int, old: datetime) -> Iterator[Campaign | None]:
    """None: it was touched since it was found, or a file came."""
    with transaction.atomic():
        campaign = _filled(old).select_for_update().filter(pk=pk).first()
        yield campaign if campaign and not _has_file_since(pk, old) else None


def _has_file_since(pk: int, old: datetime) -> bool:
    upload = files.upload(pk)
    return upload.exists() and datetime.fromtimestamp(upload.stat().st_mtime, UTC) >= old


def _empty_rows(rows: QuerySet[CampaignRow], newest: int) -> None:
    last = 0
    filled = rows.filter(pk__lte=newest)
    while ids := list(filled.filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK]):
        last = ids[-1]
        some = filled.filter(pk__gte=ids[0], pk__lte=last).order_by()
        some.exclude(data={}).update(data={})
