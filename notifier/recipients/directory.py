"""Who a caller means: an OpenID or a user id of their own, within one account."""

from dataclasses import dataclass

from notifier.models import Recipient


@dataclass(frozen=True, slots=True)
class Address:
    """Exactly one of the two is set."""

    openid: str = ""
    user: str = ""


def find(account_id: int, address: Address) -> Recipient | None:
    known = Recipient.objects.filter(account_id=account_id)
    if address.openid:
        return known.filter(openid=address.openid).first()
    return known.filter(user_id=address.user).first()
