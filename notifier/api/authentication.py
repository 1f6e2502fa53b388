"""Bearer keys: `Authorization: Bearer hy_…` names the calling service."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from notifier.models import ApiClient, ApiKey
from notifier.models.clients import find_key


class BearerKey(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        """(the client, its key), or None without the header; AuthenticationFailed otherwise."""
        scheme, _, value = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        key = find_key(value.strip().decode("latin-1"))
        if key is None:
            raise AuthenticationFailed("The API key is unknown, revoked or expired.")
        return key.client, key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="hongyan"'


class IsClient(BasePermission):
    message = "Send your API key: Authorization: Bearer <key>."

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, ApiClient)
