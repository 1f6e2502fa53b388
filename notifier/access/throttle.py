"""Failed logins are counted in the database, which is there whenever a login is: a Redis that is
away must not open the door. Five by a name from an address, or fifty from an address whoever it is,
and there is a wait. Not by the name alone: anybody could then lock somebody out from anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from notifier.models import LoginFailures

PER_ADDRESS = 10
"""Times as many as by one name: a whole office may have one address."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`wait`: seconds until another one is allowed, 0 if this one is; `is_last`: if it fails, there
    is a wait."""

    wait: int
    is_last: bool
    keys: tuple[str, ...]


def of_login(name: str, address: str) -> Attempt:
    most = settings.LOGIN_FAILURES
    pair = f"login {address} {name.casefold()}"
    return _attempt({f"address {address}": most * PER_ADDRESS, pair: most})


def of_code(user_pk: object) -> Attempt:
    """The second factor's: who is here has the password, so it counts from all addresses."""
    return _attempt({f"code {user_pk}": settings.LOGIN_FAILURES})


def succeeded(attempt: Attempt) -> None:
    """What was counted for it is taken back, and what is over is forgotten."""
    *shared, own = attempt.keys
    LoginFailures.objects.filter(key=own).delete()
    for row in LoginFailures.objects.filter(key__in=shared, count__gt=0):
        LoginFailures.objects.filter(pk=row.pk, count=row.count).update(count=row.count - 1)
    with transaction.atomic():
        over = LoginFailures.objects.filter(last_at__lt=timezone.now() - 2 * _window())
        rows = over.select_for_update(skip_locked=True).values_list("pk", flat=True)
        LoginFailures.objects.filter(pk__in=list(rows[:1000])).delete()


def _attempt(limits: Mapping[str, int]) -> Attempt:
    """Counted before it is tried, under a lock: a hundred at the same moment are no more than one
    after the other."""
    keys = {salted_hmac("hongyan.login", text, algorithm="sha256").hexdigest(): most
            for text, most in limits.items()}  # fmt: skip
    now = timezone.now()
    with transaction.atomic():
        rows = [_row(key, now) for key in keys]
        wait = max(_wait(row, keys[row.key], now) for row in rows)
        if not wait:
            for row in rows:
                row.count, row.last_at = row.count + 1, now
                row.save()
    is_last = any(row.count >= keys[row.key] for row in rows)
    return Attempt(wait, is_last, tuple(keys))


def _row(key: str, now: datetime) -> LoginFailures:
    rows = LoginFailures.objects.select_for_update()
    row, _made = rows.get_or_create(key=key, defaults={"last_at": now})
    if row.last_at < now - _window():
        row.count = 0
    return row


def _wait(row: LoginFailures, most: int, now: datetime) -> int:
    if row.count < most:
        return 0
    return max(1, int((row.last_at + _window() - now).total_seconds()))


def _window() -> timedelta:
    return timedelta(seconds=settings.LOGIN_LOCK_SECONDS)
