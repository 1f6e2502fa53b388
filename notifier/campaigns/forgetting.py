"""Uploaded audiences do not stay for ever: neither the files nor the values of their rows. The
messages and the counts stay."""

from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from notifier.campaigns.files import files
from notifier.models import Audience, Campaign, CampaignRow

CHUNK = 10_000


def forget_uploads() -> None:
    """Of campaigns that ended so long ago as imports are kept. By the clock, every hour."""
    close_old_connections()
    old = timezone.now() - timedelta(days=settings.IMPORT_KEEP_DAYS)
    ended = Campaign.objects.filter(finished_at__lt=old, audience=Audience.UPLOAD)
    for pk in ended.values_list("pk", flat=True):
        if files.upload(pk).exists():
            _empty_rows(pk)
            files.delete(pk)


def _empty_rows(campaign_id: int) -> None:
    rows = CampaignRow.objects.filter(campaign=campaign_id).order_by("pk")
    last = 0
    while ids := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK]):
        last = ids[-1]
        rows.filter(pk__gte=ids[0], pk__lte=last).order_by().update(data={})
