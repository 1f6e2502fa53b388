"""Somebody who acts, and a trail of a few rows."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from notifier.acting import Actor, acting
from notifier.audit.record import record
from notifier.models import AuditEntry

ANNA = Actor("user", "anna", "192.0.2.7", "request-1")


@pytest.fixture
def anna(db: None) -> Iterator[Actor]:
    """What the test does, she does."""
    with acting(lambda: ANNA):
        yield ANNA


@pytest.fixture
def three_days(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> list[AuditEntry]:
    """Three days with four rows each, the last of them today."""
    real = timezone.now
    rows = []
    for days in (2, 1, 0):
        monkeypatch.setattr(timezone, "now", lambda days=days: real() - timedelta(days=days))
        rows += [record("change", object_name=f"{days}-{n}", after={"n": n}) for n in range(4)]
    monkeypatch.setattr(timezone, "now", real)
    return rows


def trail() -> list[AuditEntry]:
    """Oldest first."""
    return list(AuditEntry.objects.order_by("id"))


def last() -> AuditEntry:
    return trail()[-1]


def moment(day: int) -> datetime:
    return timezone.now() - timedelta(days=day)
