"""Who a caller means: an OpenID, a user id of their own, a phone or a UnionID, within one account.

A message to an OpenID needs no look-up: the statement that stores it finds the recipient
(`notifier/intake/store.py`).
"""

from dataclasses import dataclass

from django.db.models import Q
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


def people_of(term: str) -> list[int]:
    """For searches, over all accounts: whom an OpenID, user id, phone or UnionID names, whole. Each
    kind has an index."""
    kinds = (Address(openid=term), Address(user=term), Address(unionid=term), Address(phone=term))
    found = [Recipient.objects.filter(_named(kind)).values_list("pk", flat=True) for kind in kinds]
    return [pk for rows in found for pk in rows[:100]]


def _named(address: Address) -> Q:
    """Each has an index that holds no empty values, and finds nobody by one."""
    if address.openid:
        return Q(openid=address.openid)
    if address.user:
        return Q(user_id=address.user) & ~Q(user_id="")
    if address.unionid:
        return Q(unionid=address.unionid) & ~Q(unionid="")
    phone = normalised(address.phone)
    return Q(phone_hash__in=phone_hashes(phone) if phone else []) & ~Q(phone_hash="")
