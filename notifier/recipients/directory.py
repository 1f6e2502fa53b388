"""Who a caller means: an OpenID, a user id of their own, a phone or a UnionID, within one account.

A message to an OpenID needs no look-up: the statement that stores it finds the recipient
(`notifier/intake/store.py`).
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from notifier.models import Recipient, Suppression
from notifier.recipients.phones import normalised, phone_hashes


@dataclass(frozen=True, slots=True)
class Address:
    """Exactly one of them is set. `phone`: as anybody writes it."""

    openid: str = ""
    user: str = ""
    phone: str = ""
    unionid: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a send needs of a recipient."""

    pk: int
    openid: str
    state: str
    refuses_template: bool


def find(account_id: int, template_id: int, address: Address) -> Known | None:
    found = Recipient.objects.filter(_named(address), account_id=account_id)
    row = found.values_list("id", "openid", "state").first()
    if row is None:
        return None
    refusals = Suppression.objects.in_force(timezone.now())
    refused = refusals.filter(recipient_id=row[0], template_id=template_id).exists()
    return Known(*row, refuses_template=refused)


def known_many(account_id: int, template_id: int, ids: Collection[int]) -> dict[int, Known]:
    """The same of many, by their rows' ids, in one statement."""
    refusals = Suppression.objects.in_force(timezone.now()).filter(template_id=template_id)
    people = Recipient.objects.filter(account_id=account_id, pk__among=ids)
    rows = people.annotate(refuses=Exists(refusals.filter(recipient=OuterRef("pk"))))
    return {row[0]: Known(*row) for row in rows.values_list("id", "openid", "state", "refuses")}


def resolve_many(account_id: int, addresses: Sequence[Address]) -> list[int | None]:
    """For each the id of the recipient's row, if there is one; a statement for each kind of
    address."""
    named = [_columns(address) for address in addresses]
    wanted: dict[str, set[str]] = defaultdict(set)
    for column, values in named:
        wanted[column].update(values)
    found: dict[tuple[str, str], int] = {}
    for column, distinct in wanted.items():
        people = Recipient.objects.filter(_among(column, distinct), account_id=account_id)
        found |= {(column, value): pk for value, pk in people.values_list(column, "pk")}
    return [
        next((found[column, value] for value in values if (column, value) in found), None)
        for column, values in named
    ]


def people_of(term: str) -> list[int]:
    """For searches, over all accounts: whom an OpenID, user id, phone or UnionID names, whole. Each
    kind has an index."""
    kinds = (Address(openid=term), Address(user=term), Address(unionid=term), Address(phone=term))
    return [pk for kind in kinds for pk in people_named(kind)]


def people_named(address: Address) -> list[int]:
    """Over all accounts; a hundred at most."""
    return list(Recipient.objects.filter(_named(address)).values_list("pk", flat=True)[:100])


def _named(address: Address) -> Q:
    return _among(*_columns(address))


def _columns(address: Address) -> tuple[str, list[str]]:
    """The column that holds it, and what it may be there."""
    for column, value in (
        ("openid", address.openid),
        ("user_id", address.user),
        ("unionid", address.unionid),
    ):
        if value:
            return column, [value]
    phone = normalised(address.phone)
    return "phone_hash", phone_hashes(phone) if phone else []


def _among(column: str, values: Collection[str]) -> Q:
    """Each has an index that holds no empty values, and finds nobody by one."""
    named = Q(**{f"{column}__among": values})
    return named if column == "openid" else named & ~Q(**{column: ""})
