"""Bearer keys: `Authorization: Bearer hy_…` names the calling service, and what it may do."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from notifier.access.keys import admitted, check_scope
from notifier.models import ApiClient, ApiKey
from notifier.observability.requests import client_address


class BearerKey(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        """(the client, its key), or None without the header; AuthenticationFailed or WrongAddress
        otherwise."""
        # Not `request.headers`: Django would make a dictionary of all of them, for one.
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = admitted(value.strip(" \t"), client_address(request))
        if key is None:
            raise AuthenticationFailed("The API key is unknown, revoked or expired.")
        return key.client, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="hongyan"'


class MayCall(BasePermission):
    """The endpoint's `scopes` name one for each of its methods."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises WrongScope."""
        if not isinstance(request.auth, ApiKey):
            return False
        method = "GET" if request.method == "HEAD" else request.method
        if method in view.scopes:  # others are answered by 405
            check_scope(request.auth, view.scopes[method])
        return True
