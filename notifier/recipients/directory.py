"""Who a caller means: an OpenID or a user id of their own, within one account.

A message to an OpenID needs no look-up: the statement that stores it finds the recipient
(`notifier/intake/store.py`).
"""

from dataclasses import dataclass

from notifier.models import Recipient, Suppression


@dataclass(frozen=True, slots=True)
class Address:
    """Exactly one of the two is set."""

    openid: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What a send needs of a recipient."""

    pk: int
    openid: str
    state: str
    refuses_template: bool


def find(account_id: int, template_id: int, address: Address) -> Known | None:
    if address.openid:
        found = Recipient.objects.filter(openid=address.openid)
    else:
        found = Recipient.objects.filter(user_id=address.user).exclude(user_id="")
    row = found.filter(account_id=account_id).values_list("id", "openid", "state").first()
    if row is None:
        return None
    refusals = Suppression.objects.filter(recipient_id=row[0], template_id=template_id)
    return Known(*row, refuses_template=refusals.exists())
