"""WeChat's HTTP protocol: one method for each call. Knows no Django model.

Messages leave through the wire, all other calls through the session. Backup domains and the
redaction of secrets are dealt with here: `requests` puts the address, token included, into the
texts of its exceptions, and none of these leaves this module.
"""

import asyncio
import math
import ssl
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from notifier.wechat.errors import Ambiguous, Kind, NoTime, Refused, Unreachable, kind_of, split_rid
from notifier.wechat.phases import Phases
from notifier.wechat.tokens import Token, TokenCache, Tokens
from notifier.wechat.wire import Wire

UNREACHABLE_SECONDS = 30
TOKEN_THREADS = 64
"""Accounts that may wait for their token call at once."""
SEND_PATH = "/cgi-bin/message/template/send"


@dataclass(frozen=True, slots=True)
class Credentials:
    appid: str
    secret: str
    token_call: str = "stable_token"  # noqa: S105 - the call's name; or "token"

    def __repr__(self) -> str:
        return f"Credentials({self.appid})"


@dataclass(frozen=True, slots=True)
class Page:
    """OpenIDs, and after which one the next page begins; empty: this was the last."""

    openids: list[str]
    following: str
    total: int = 0


class WeChatClient:
    """One account's calls. `addresses`: the API's base address, then the backups, in order."""

    def __init__(
        self,
        session: requests.Session,
        wire: Wire,
        credentials: Credentials,
        addresses: Sequence[str],
        cache: TokenCache,
        timeout: tuple[float, float],
    ) -> None:
        self._session = session
        self._wire = wire
        self._credentials = credentials
        self._addresses = tuple(address.rstrip("/") for address in addresses)
        self._timeout = timeout
        self._tokens = Tokens(cache, credentials.appid, self.fetch_token)
        self._unreachable_until: dict[str, float] = {}
        self._pending: dict[str | None, asyncio.Future[str]] = {}

    @property
    def appid(self) -> str:
        return self._credentials.appid

    async def send_template(
        self, body: bytes, not_after: float = math.inf, phases: Phases | None = None
    ) -> str:
        """POST message/template/send with a ready JSON body; returns WeChat's msgid.

        No call begins after `not_after` (time.monotonic()). `phases` is told where the time goes,
        of two calls that of the second. Raises Refused, TokenRefused, NoTime,
        Unreachable (nothing was sent) or Ambiguous (perhaps it was). A dead token is replaced
        once; a second refusal is the caller's.
        """
        phases = phases or Phases()
        token = self._tokens.remembered() or await self._obtain_token(None, phases)
        try:
            return await self._post_message(body, token, not_after, phases)
        except Refused as error:
            if kind_of(error.errcode) is not Kind.TOKEN:
                raise
        token = self._tokens.remembered(dead=token) or await self._obtain_token(token, phases)
        return await self._post_message(body, token, not_after, phases)

    async def _post_message(self, body: bytes, token: str, not_after: float, phases: Phases) -> str:
        """To the first address that can be connected to. No backup once bytes may have arrived."""
        target = f"{SEND_PATH}?access_token={quote(token, safe='')}"
        failure = None
        for address in self._reachable_first():
            if time.monotonic() > not_after:
                raise NoTime("no time was left for the call")
            if failure:
                phases.give_up()
            try:
                status, content = await self._wire.post(address, target, body, not_after, phases)
            except Unreachable as error:
                self._unreachable_until[address] = time.monotonic() + UNREACHABLE_SECONDS
                failure = error
                continue
            return str(_answer(status, content).get("msgid", ""))
        raise failure or Unreachable("no address is set")

    def _reachable_first(self) -> list[str]:
        """Not every call waits for a connection to an address that gave none a moment ago."""
        now = time.monotonic()
        return sorted(self._addresses, key=lambda one: self._unreachable_until.get(one, 0) > now)

    async def _obtain_token(self, dead: str | None, phases: Phases) -> str:
        """Hundreds of calls in the air need it at the same moment: one thread asks for them all,
        and they share what it learns, a refusal too."""
        pending = self._pending.get(dead)
        if pending is None:
            loop = asyncio.get_running_loop()
            pending = loop.run_in_executor(_token_threads(), self._tokens.obtain, dead)
            self._pending[dead] = pending
            pending.add_done_callback(lambda _: self._pending.pop(dead, None))
        with phases.timed("token"):
            return await asyncio.shield(pending)

    def renew_token(self) -> bool:
        """Ahead of its end; see Tokens.renew."""
        return self._tokens.renew()

    def replace_token(self) -> None:
        """Whatever the shared one is; see Tokens.replace."""
        self._tokens.replace()

    def has_token(self) -> bool:
        return self._tokens.is_there()

    def templates(self) -> list[dict[str, str]]:
        """GET template/get_all_private_template: template_id, title, content, example, ..."""
        answer = self._with_token("GET", "/cgi-bin/template/get_all_private_template")
        return list(answer.get("template_list", []))

    def request_of(self, rid: str) -> dict[str, Any]:
        """POST openapi/rid/get: `invoke_time` (Unix seconds), `cost_in_ms`, `client_ip`,
        `request_url`, `request_body`, `response_body` of a call of the last 7 days; 76001 to 76004
        where WeChat does not know it. Secrets are masked by WeChat."""
        answer = self._with_token("POST", "/cgi-bin/openapi/rid/get", orjson.dumps({"rid": rid}))
        return dict(answer.get("request") or {})

    def followers(self, after: str = "") -> "Page":
        """GET user/get: up to 10,000 followers in WeChat's order, those after the OpenID."""
        query = {"next_openid": after} if after else {}
        return _page(self._with_token("GET", "/cgi-bin/user/get", query=query))

    def follower_details(self, openids: Sequence[str]) -> list[dict[str, Any]]:
        """POST user/info/batchget, at most 100: openid, subscribe (0 or 1), and of followers
        subscribe_time (seconds), unionid where there is one, tagid_list, ..."""
        rows = [{"openid": openid, "lang": "zh_CN"} for openid in openids]
        body = orjson.dumps({"user_list": rows})
        answer = self._with_token("POST", "/cgi-bin/user/info/batchget", body)
        return list(answer.get("user_info_list", []))

    def tags(self) -> list[dict[str, Any]]:
        """GET tags/get: id, name, count of each tag."""
        return list(self._with_token("GET", "/cgi-bin/tags/get").get("tags", []))

    def tag_members(self, tag_id: int, after: str = "") -> "Page":
        """POST user/tag/get: up to 10,000 followers who have the tag."""
        body = orjson.dumps({"tagid": tag_id, "next_openid": after})
        return _page(self._with_token("POST", "/cgi-bin/user/tag/get", body))

    def fetch_token(self) -> Token:
        """A token from WeChat itself; everybody else takes the shared one. Never in force mode."""
        secret = {"appid": self._credentials.appid, "secret": self._credentials.secret}
        if self._credentials.token_call == "token":  # noqa: S105
            query = urlencode({"grant_type": "client_credential"} | secret)
            answer = self._exchange("GET", f"/cgi-bin/token?{query}")
        else:
            body = {"grant_type": "client_credential", "force_refresh": False} | secret
            answer = self._exchange("POST", "/cgi-bin/stable_token", orjson.dumps(body))
        return Token(str(answer["access_token"]), int(answer.get("expires_in", 7200)))

    def _with_token(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """As for a message: a dead token is replaced once."""

        def call(token: str) -> dict[str, Any]:
            asked = urlencode({"access_token": token, **(query or {})})
            return self._exchange(method, f"{path}?{asked}", body)

        token = self._tokens.remembered() or self._tokens.obtain(None)
        try:
            return call(token)
        except Refused as error:
            if kind_of(error.errcode) is not Kind.TOKEN:
                raise
        return call(self._tokens.remembered(dead=token) or self._tokens.obtain(token))

    def _exchange(self, method: str, target: str, body: bytes | None = None) -> dict[str, Any]:
        failure = None
        for address in self._reachable_first():
            try:
                return self._request(method, address + target, body)
            except Unreachable as error:
                self._unreachable_until[address] = time.monotonic() + UNREACHABLE_SECONDS
                failure = error
        raise failure or Unreachable("no address is set")

    def _request(self, method: str, url: str, body: bytes | None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json; charset=utf-8"} if body else {}
        try:
            response = self._session.request(
                method,
                url,
                data=body,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,  # it would carry the token elsewhere
            )
            return _answer(response.status_code, response.content)
        except requests.RequestException as error:
            failure = _failure(error)
        # Raised here, not above: within `except` the error with the URL would be its context.
        raise failure


@lru_cache(maxsize=1)
def _token_threads() -> ThreadPoolExecutor:
    """The loop's own has six threads here: as many accounts whose token call hangs would keep all
    others from their tokens."""
    return ThreadPoolExecutor(TOKEN_THREADS, "token")


def _failure(error: requests.RequestException) -> Unreachable | Ambiguous:
    """Was it certainly not sent? Only a failed connect says so. The exception's text is dropped."""
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    name = type(reason or error).__name__
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return Unreachable(f"no connection ({name})")
    if isinstance(getattr(reason, "args", (None,))[0], ssl.SSLCertVerificationError):
        return Unreachable("the server's certificate is not valid")
    if isinstance(error, requests.Timeout):
        return Ambiguous("no answer in time")
    return Ambiguous(f"the connection broke ({name})")


def _page(answer: dict[str, Any]) -> Page:
    """The last page names its own last OpenID, as every other; only the one after it is empty."""
    openids = [str(one) for one in (answer.get("data") or {}).get("openid", [])]
    following = str(answer.get("next_openid") or "") if openids else ""
    return Page(openids, following, int(answer.get("total") or 0))


def _answer(status: int, content: bytes) -> dict[str, Any]:
    """WeChat's JSON. Decoded as UTF-8 whatever the header says: it names no charset."""
    if status != 200:
        raise Ambiguous(f"HTTP {status}")
    try:
        answer = orjson.loads(content)
        errcode = int(answer.get("errcode", 0))
    except (ValueError, AttributeError, TypeError):
        raise Ambiguous("the answer is not WeChat's JSON") from None
    if not -(2**31) <= errcode < 2**31:
        raise Ambiguous("the answer's errcode is no errcode")
    if errcode:
        errmsg, rid = split_rid(str(answer.get("errmsg", "")))
        raise Refused(errcode, errmsg, rid)
    return dict(answer)
