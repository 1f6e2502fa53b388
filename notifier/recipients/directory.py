"""Who a caller means: an OpenID or a user id of their own, within one account."""

from dataclasses import dataclass

from django.db import InterfaceError, OperationalError, connection

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


# One look-up in a unique index, written out: the ORM needs as long to compose the statement as the
# database to answer it, and a cache in Redis is a round trip too, and can be wrong.
_FIND = (
    "SELECT r.id, r.openid, r.state, s.id IS NOT NULL "  # noqa: S608 - our own tables' names
    f"FROM {Recipient._meta.db_table} r LEFT JOIN {Suppression._meta.db_table} s "
    "ON s.recipient_id = r.id AND s.template_id = %s "
    "WHERE r.account_id = %s AND "
)
_BY_OPENID = _FIND + "r.openid = %s"
_BY_USER = _FIND + "r.user_id = %s AND r.user_id <> ''"


def find(account_id: int, template_id: int, address: Address) -> Known | None:
    """The first statement of accepting, so it is also the check of a connection that was kept: in
    place of a round trip before it, a dead one is replaced when it fails."""
    connection.health_check_done = True  # type: ignore[attr-defined]  # Django's own flag
    try:
        return _look_up(account_id, template_id, address)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or connection.is_usable():
            raise
        connection.close()
        return _look_up(account_id, template_id, address)


def _look_up(account_id: int, template_id: int, address: Address) -> Known | None:
    statement = _BY_OPENID if address.openid else _BY_USER
    with connection.cursor() as cursor:
        cursor.execute(statement, [template_id, account_id, address.openid or address.user])
        row = cursor.fetchone()
    return Known(row[0], row[1], row[2], bool(row[3])) if row else None
