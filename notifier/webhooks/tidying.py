"""Every half minute: what is too old is given up."""

from django.db import close_old_connections
from django.utils import timezone

from notifier.webhooks.taking import failing, give_up_old


def tidy() -> bool:
    """True: there is more to give up."""
    close_old_connections()
    failing_ones = failing()
    return bool(failing_ones) and give_up_old(failing_ones, timezone.now())
