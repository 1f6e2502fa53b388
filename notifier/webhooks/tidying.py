"""Every half minute: what is too old is given up, and what waits is counted."""

from uuid import UUID

from django.db import close_old_connections
from django.db.models import Count
from django.utils import timezone

from notifier import metrics
from notifier.models import WebhookDelivery
from notifier.webhooks.taking import failing, give_up_old

REPORTED = 50
_reported: set[UUID] = set()


def tidy() -> bool:
    """True: there is more to give up."""
    close_old_connections()
    _report()
    failing_ones = failing()
    return bool(failing_ones) and give_up_old(failing_ones, timezone.now())


def _report() -> None:
    waiting = WebhookDelivery.objects.filter(due_at__isnull=False).order_by()
    counted = waiting.values_list("endpoint").annotate(count=Count("pk")).order_by("-count")
    found = dict(counted[:REPORTED])
    # Those that wait no more: a label cannot be taken back from several processes' files.
    for endpoint in _reported - found.keys():
        metrics.webhook_waiting.labels(endpoint.hex).set(0)
    for endpoint, count in found.items():
        metrics.webhook_waiting.labels(endpoint.hex).set(count)
    _reported.update(found)
