"""Time-ordered ids (UUID version 7, RFC 9562), so that the newest rows lie together on disk."""

import os
import time
import uuid
from datetime import datetime


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
