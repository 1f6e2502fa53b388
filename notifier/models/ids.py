"""Time-ordered ids (UUID version 7, RFC 9562), so that the newest rows lie together on disk."""

import os
import time
import uuid
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, QuerySet


def new_message_id() -> uuid.UUID:
    """48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76  # version
    value = value & ~(0x3 << 62) | 0x2 << 62  # variant
    return uuid.UUID(int=value)


def first_id_at(moment: datetime) -> uuid.UUID:
    """Smaller than every id made at the moment or later, larger than the earlier ones: a time is
    a range of the primary key."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return uuid.UUID(int=(milliseconds & ((1 << 48) - 1)) << 80)


def first_pk_at(rows: QuerySet[Any], field: str, moment: datetime) -> int:
    """The lowest number of a row whose `field` is the moment or later, where both ascend: a time is
    a range of the primary key. Some twenty looks into its index."""
    ends = rows.order_by().aggregate(low=Min("pk"), high=Max("pk"))
    low, high = ends["low"] or 0, (ends["high"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = rows.filter(pk__gte=middle).order_by("pk").values_list("pk", field).first()
        if found is None or found[1] >= moment:
            high = middle
        else:
            low = found[0] + 1
    return low
