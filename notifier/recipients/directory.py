"""Who a caller means: an OpenID or a user id of their own, within one account."""

from dataclasses import dataclass

from notifier.models import Recipient


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


def find(account_id: int, address: Address) -> Known | None:
    known = Recipient.objects.filter(account_id=account_id).values_list("pk", "openid", "state")
    if address.openid:
        known = known.filter(openid=address.openid)
    else:
        known = known.filter(user_id=address.user)
    return next((Known(*values) for values in known), None)
