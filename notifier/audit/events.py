"""What is recorded though it changes no audited row: logins, and questions to WeChat."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest

from notifier.acting import Actor
from notifier.audit.record import record
from notifier.audit.values import masked
from notifier.models import Action, ActorKind
from notifier.observability.requests import client_address, current_request_id
from templates_app.models import OfficialAccount
from templates_app.signals import connection_checked, templates_synced


def connect() -> None:
    user_logged_in.connect(_logged_in, dispatch_uid="audit")
    user_logged_out.connect(_logged_out, dispatch_uid="audit")
    user_login_failed.connect(_login_failed, dispatch_uid="audit")
    connection_checked.connect(_connection_checked, dispatch_uid="audit")
    templates_synced.connect(_templates_synced, dispatch_uid="audit")


def _logged_in(user: Any, request: HttpRequest | None = None, **_kwargs: Any) -> None:
    _of_user(Action.LOGIN, ActorKind.USER, user.get_username(), user.pk, request)


def _logged_out(user: Any, request: HttpRequest | None = None, **_kwargs: Any) -> None:
    if user is not None:  # a session that was over
        _of_user(Action.LOGOUT, ActorKind.USER, user.get_username(), user.pk, request)


def _login_failed(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any
) -> None:
    name = str(credentials.get(get_user_model().USERNAME_FIELD, ""))
    refused_login(Action.LOGIN_FAILED, name, request)


def refused_login(action: Action, given: str, request: HttpRequest | None) -> None:
    """A name that nobody has is masked: people type their password into the wrong box."""
    users = get_user_model()
    known = users._default_manager.filter(**{users.USERNAME_FIELD: given}).first()
    name = known.get_username() if known else masked(given)
    _of_user(action, ActorKind.ANONYMOUS, name, known.pk if known else "", request)


def _of_user(
    action: Action, kind: ActorKind, name: str, pk: object, request: HttpRequest | None
) -> None:
    address = client_address(request) if request else ""
    record(
        action,
        object_type=get_user_model()._meta.label_lower,
        object_id=pk or "",
        object_name=name,
        actor=Actor(kind, name, address, current_request_id()),
    )


def _connection_checked(account: OfficialAccount, answer: str, **_kwargs: Any) -> None:
    _of_account(Action.CHECK_CONNECTION, account, {"answer": answer})


def _templates_synced(account: OfficialAccount, count: int, **_kwargs: Any) -> None:
    _of_account(Action.SYNC, account, {"templates": count})


def _of_account(action: Action, account: OfficialAccount, after: dict[str, Any]) -> None:
    record(
        action,
        object_type=account._meta.label_lower,
        object_id=account.pk,
        object_name=str(account),
        after=after,
    )
