"""Who fits a segment, found anew each time."""

from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.utils import timezone

from notifier.models import Recipient, Segment
from notifier.recipients.attributes import meant

_FILLED = {"user_id": "user_id", "email": "email", "phone": "phone_hash"}


def people(segment: Segment) -> QuerySet[Recipient]:
    """All conditions hold; the segment need not be saved."""
    wanted = Q(account_id=segment.account_id)
    for name in ("state", "group_id", "tag_id"):
        if value := getattr(segment, name):
            wanted &= Q(**{_COLUMNS[name]: value})
    if segment.followed_from:
        wanted &= Q(followed_at__gte=_midnight(segment.followed_from))
    if segment.followed_to:
        wanted &= Q(followed_at__lt=_midnight(segment.followed_to + timedelta(days=1)))
    for name, column in _FILLED.items():
        if asked := getattr(segment, name):
            empty = Q(**{column: ""})
            wanted &= ~empty if asked == "yes" else empty
    found = Recipient.objects.filter(wanted)
    if segment.attribute and segment.attribute_value:
        held = KeyTransform(segment.attribute, "attributes")
        values = [Q(held=value) for value in meant(segment.attribute_value)]
        found = found.alias(held=held).filter(Q(*values, _connector=Q.OR))
    return found


_COLUMNS = {"state": "state", "group_id": "groups", "tag_id": "tags"}


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
