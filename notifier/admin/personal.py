"""Who looked at whose data in full. One place, so that nothing is shown without an entry."""

import time

from django.http import HttpRequest

from notifier.audit.record import record
from notifier.models import Action, Recipient, masked_openid

SECONDS = 300
_KEY = "revealed_recipients"


def revealed(request: HttpRequest, recipient: Recipient) -> None:
    """Personal data of the recipient is shown in full to who asks, for five minutes."""
    _record(Action.REVEAL, "", recipient)
    still = {pk: until for pk, until in _opened(request).items() if until > time.time()}
    request.session[_KEY] = still | {str(recipient.pk): time.time() + SECONDS}


def is_revealed(request: HttpRequest, recipient: Recipient) -> bool:
    """In this session, and while the permission holds."""
    until = _opened(request).get(str(recipient.pk), 0.0)
    return until > time.time() and request.user.has_perm("notifier.reveal_recipient")


def exported(what: str) -> None:
    _record(Action.EXPORT, what)


def erased(recipient: Recipient) -> None:
    _record(Action.ERASE, "", recipient)


def _opened(request: HttpRequest) -> dict[str, float]:
    return dict(request.session.get(_KEY, {}))


def _record(action: Action, what: str, recipient: Recipient | None = None) -> None:
    record(
        action,
        object_type="notifier.Recipient",
        object_id=recipient.pk if recipient else "",
        object_name=masked_openid(recipient.openid) if recipient else what,
    )
