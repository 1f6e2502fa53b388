"""Which accounts somebody may see and act on. Whatever a page reads goes through `limited`."""

from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet

from templates_app.models import AccountAccess, OfficialAccount

PATHS: dict[str, str | None] = {}
"""The table: a model's label -> the look-up that leads from a row to its account, None where it has
none. Filled by who knows all models (`notifier/access/accounts.py`)."""
NEVER_LIMITED = "administrator"
"""The role; superusers are not limited either."""

Row = TypeVar("Row", bound=Model)


def accounts_of(user: Any) -> frozenset[int] | None:
    """The accounts' ids; None: all. One query for a request, whose user remembers it."""
    if user.is_superuser:
        return None
    if not hasattr(user, "_accounts"):
        own = AccountAccess.objects.filter(user_id=user.pk)
        own = own.exclude(user__groups__name=NEVER_LIMITED)
        found = list(own.values_list("accounts", flat=True))
        user._accounts = frozenset(pk for pk in found if pk) if found else None
    accounts: frozenset[int] | None = user._accounts
    return accounts


def limited(rows: QuerySet[Row], user: Any) -> QuerySet[Row]:
    """Those of the rows that are of the user's accounts. Of a model without an account, or that
    nobody has put into the table, somebody who is limited sees nothing."""
    accounts = accounts_of(user)
    if accounts is None:
        return rows
    path = PATHS.get(rows.model._meta.label)
    return rows.filter(**{f"{path}__in": accounts}) if path else rows.none()


def limit(user: Any, accounts: QuerySet[OfficialAccount]) -> None:
    """To these accounts; to none: no limit."""
    with transaction.atomic():
        if accounts:
            AccountAccess.objects.get_or_create(user=user)[0].accounts.set(accounts)
            return
        for access in AccountAccess.objects.filter(user=user):
            access.accounts.clear()  # a change of its own in the audit trail: which ones they were
            access.delete()
