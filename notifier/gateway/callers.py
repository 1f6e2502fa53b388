"""Who calls: an access token, or an AppID and secret, become a client's key and its gateway."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from notifier.gateway import tokens
from notifier.gateway.answers import ERRMSG, Refusal
from notifier.models import ApiClient, ApiKey, Gateway, Scope
from notifier.models.gateways import Known, gateway_of, memory
from notifier.models.keys import find_digest, find_key

OFF = "in Hongyan this client's gateway has no account to speak for"
FORCED_APART = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Caller:
    key: ApiKey
    gateway: Known
    account_id: int

    @property
    def client(self) -> ApiClient:
        return self.key.client


def by_token(text: str, address: str, scope: Scope) -> Caller:
    """`address`: whence the call came. Raises Refusal: 40001 once the key is revoked or expires, as
    when WeChat's secret changed."""
    if not text:
        raise Refusal(41001)
    token = tokens.read(text)
    key = find_digest(token.digest) if token else None
    gateway = gateway_of(key.client_id) if key else None
    if token is None or key is None or gateway is None:
        raise Refusal(40001)
    if token.call is tokens.Call.STABLE and token.begins < _milliseconds(gateway.refreshed_at):
        raise Refusal(40001)
    if token.ends <= _milliseconds(timezone.now()):
        raise Refusal(42001)
    if gateway.account_id is None:
        raise Refusal(48001, hint=OFF)
    _check_address(key, address)
    if scope not in key.scopes:
        raise Refusal(48001, hint=f"the key that is the AppSecret lacks the scope {scope}")
    if key.allowance.accounts and gateway.account_id not in key.allowance.accounts:
        raise Refusal(48001, hint="the key that is the AppSecret does not reach this account")
    return Caller(key, gateway, gateway.account_id)


def _check_address(key: ApiKey, address: str) -> None:
    """Raises Refusal: WeChat's own for an address that is not in its list."""
    if not key.may_come_from(address):
        raise Refusal(40164, f"{ERRMSG[40164]}{address}")


def by_secret(
    address: str, grant_type: object, appid: object, secret: object
) -> tuple[ApiKey, Known]:
    """Raises Refusal. The secret is any usable key of the client that has this AppID."""
    if not isinstance(appid, str) or not appid:
        raise Refusal(41002)
    if not isinstance(secret, str) or not secret:
        raise Refusal(41004)
    if grant_type != "client_credential":
        raise Refusal(40002)
    key = find_key(secret) if secret.isascii() else None
    gateway = gateway_of(key.client_id) if key else None
    if key is None or gateway is None or gateway.appid != appid:
        known = "\0" not in appid and Gateway.objects.filter(appid=appid).exists()
        raise Refusal(40125 if known else 40013)
    _check_address(key, address)
    if gateway.account_id is None:
        raise Refusal(48001, hint=OFF)
    return key, gateway


def new_token(key: ApiKey) -> dict[str, object]:
    return _told(*tokens.new(key.digest, _milliseconds(timezone.now())))


def stable_token(key: ApiKey, gateway: Known, force: bool) -> dict[str, object]:
    """A forced refresh within 30 seconds of the last changes nothing (official page)."""
    now = timezone.now()
    if force:
        rows = Gateway.objects.filter(
            Q(refreshed_at=None) | Q(refreshed_at__lte=now - FORCED_APART), pk=gateway.pk
        )
        rows.update(refreshed_at=now)
        memory.forget()
        gateway = gateway_of(key.client_id) or gateway
    since = _milliseconds(gateway.refreshed_at)
    return _told(*tokens.stable(key.digest, max(_milliseconds(now), since), since))


def _told(text: str, token: tokens.Token) -> dict[str, object]:
    left = token.ends - _milliseconds(timezone.now())
    return {"access_token": text, "expires_in": -(-min(left, tokens.LIFETIME) // 1000)}


def _milliseconds(moment: datetime | None) -> int:
    return int(moment.timestamp() * 1000) if moment else 0
