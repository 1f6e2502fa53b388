"""Who looked at whose data in full. One place, so that nothing is shown without an entry."""

import time

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest

from notifier.models import Recipient

SECONDS = 300
_KEY = "revealed_recipients"


def revealed(request: HttpRequest, recipient: Recipient) -> None:
    """Personal data of the recipient is shown in full to who asks, for five minutes."""
    _log(request, "personal data shown in full", recipient)
    still = {pk: until for pk, until in _opened(request).items() if until > time.time()}
    request.session[_KEY] = still | {str(recipient.pk): time.time() + SECONDS}


def is_revealed(request: HttpRequest, recipient: Recipient) -> bool:
    """In this session, and while the permission holds."""
    until = _opened(request).get(str(recipient.pk), 0.0)
    return until > time.time() and request.user.has_perm("notifier.reveal_recipient")


def exported(request: HttpRequest, what: str) -> None:
    _log(request, f"export: {what}")


def erased(request: HttpRequest, recipient: Recipient) -> None:
    _log(request, "personal data erased", recipient)


def _opened(request: HttpRequest) -> dict[str, float]:
    return dict(request.session.get(_KEY, {}))


def _log(request: HttpRequest, message: str, recipient: Recipient | None = None) -> None:
    LogEntry.objects.create(
        user_id=int(request.user.pk or 0),
        content_type=ContentType.objects.get_for_model(Recipient),
        object_id=str(recipient.pk) if recipient else None,
        object_repr=str(recipient or Recipient._meta.verbose_name_plural),
        action_flag=CHANGE,
        change_message=message,
    )
