"""WeChat's HTTP protocol: one method for each call. Knows no Django model.

Messages leave through the wire, all other calls through the session. Backup domains and the
redaction of secrets are dealt with here: `requests` puts the address, token included, into the
texts of its exceptions, and none of these leaves this module.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
import requests

from notifier.wechat.answers import Page, answer_of, date_of, failure_of, page_of
from notifier.wechat.errors import Kind, NoTime, Refused, Unreachable, kind_of
from notifier.wechat.phases import Phases
from notifier.wechat.session import ask
from notifier.wechat.tokens import Cipher, Token, TokenCache, TokenRefused, Tokens
from notifier.wechat.wire import Wire

UNREACHABLE_SECONDS = 30
TOKEN_THREADS = 64
"""Accounts that may wait for their token call at once."""
SEND_PATH = "/cgi-bin/message/template/send"
QUOTA_PATH = "/cgi-bin/openapi/quota/get"


@dataclass(frozen=True, slots=True)
class Credentials:
    appid: str
    secret: str
    token_call: str = "stable_token"  # noqa: S105 - the call's name; or "token"

    def __repr__(self) -> str:
        return f"Credentials({self.appid})"


class WeChatClient:
    """One account's calls. `addresses`: the API's base address, then the backups, in order."""

    def __init__(
        self,
        session: requests.Session,
        wire: Wire,
        credentials: Credentials,
        addresses: Sequence[str],
        cache: TokenCache,
        cipher: Cipher,
        timeout: tuple[float, float],
        told: Callable[[str, Phases], None] = lambda _call, _phases: None,
    ) -> None:
        """`told`: of each call but a message's its path, and where its time went."""
        self._session = session
        self._wire = wire
        self._credentials = credentials
        self._addresses = tuple(address.rstrip("/") for address in addresses)
        self._timeout = timeout
        self._tokens = Tokens(cache, cipher, credentials.appid, self.fetch_token)
        self._unreachable_until: dict[str, float] = {}
        self._pending: dict[str | None, asyncio.Future[str]] = {}
        self._told = told
        self._token_call: tuple[float, Phases | None] = (0.0, None)  # when it was over

    @property
    def appid(self) -> str:
        return self._credentials.appid

    async def send_template(
        self, body: bytes, not_after: float = math.inf, phases: Phases | None = None
    ) -> str:
        """POST message/template/send with a ready JSON body; returns WeChat's msgid.

        No call begins after `not_after` (time.monotonic()). `phases` is told where the time goes,
        of two calls that of both. Raises Refused, TokenRefused, NoTime,
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
        self._tokens.forget(token)
        phases.host = ""  # until the next call: if that is not made, it failed for want of a token
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
            return str(answer_of(status, content).get("msgid", ""))
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
        began = time.monotonic()
        try:
            with phases.timed("token"):
                return await asyncio.shield(pending)
        finally:
            ended, call = self._token_call
            phases.token_call = call if ended >= began else None

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

    def try_secret(self) -> None:
        """Can a token be had? Asks for one and keeps none: stable_token in normal mode ends no
        other token, that of the other call neither (official page getStableAccessToken). Raises
        TokenRefused, Unreachable or Ambiguous."""
        try:
            self._stable_token()
        except Refused as error:
            raise TokenRefused(error.errcode, error.errmsg, error.rid) from None

    def try_shared_token(self) -> bool | None:
        """Does WeChat take the token that all sends use? None: there is none. Fetches none and
        replaces none. Raises Unreachable or Ambiguous."""
        token = self._tokens.shared()
        if token is None:
            return None
        asked = f"{QUOTA_PATH}?{urlencode({'access_token': token})}"
        try:
            self._exchange("POST", asked, orjson.dumps({"cgi_path": SEND_PATH}))
        except Refused as error:
            return error.kind is not Kind.TOKEN
        return True

    def send_quota(self) -> dict[str, int]:
        """POST openapi/quota/get of sends: `daily_limit`, `used`, `remain`; {}: it tells none."""
        answer = self._with_token("POST", QUOTA_PATH, orjson.dumps({"cgi_path": SEND_PATH}))
        names = ("daily_limit", "used", "remain") if answer.get("quota") else ()
        return {name: int(answer["quota"].get(name) or 0) for name in names}

    def check_callback(self) -> dict[str, list[dict[str, str]]]:
        """POST callback/check: WeChat looks up the callback's domain and pings it. `dns`: ip and
        real_operator; `ping`: ip, from_operator, package_loss ("0%") and time ("23.079ms")."""
        body = orjson.dumps({"action": "all", "check_operator": "DEFAULT"})
        answer = self._with_token("POST", "/cgi-bin/callback/check", body)
        return {name: list(answer.get(name) or []) for name in ("dns", "ping")}

    def date(self) -> float | None:
        """WeChat's clock: Unix seconds, whole ones, from the Date of a call without a token."""
        return date_of(self._first_that_answers("GET", SEND_PATH).headers)

    def request_of(self, rid: str) -> dict[str, Any]:
        """POST openapi/rid/get: `invoke_time` (Unix seconds), `cost_in_ms`, `client_ip`,
        `request_url`, `request_body`, `response_body` of a call of the last 7 days; 76001 to 76004
        where WeChat does not know it. Secrets are masked by WeChat."""
        answer = self._with_token("POST", "/cgi-bin/openapi/rid/get", orjson.dumps({"rid": rid}))
        return dict(answer.get("request") or {})

    def followers(self, after: str = "") -> Page:
        """GET user/get: up to 10,000 followers in WeChat's order, those after the OpenID."""
        query = {"next_openid": after} if after else {}
        return page_of(self._with_token("GET", "/cgi-bin/user/get", query=query))

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

    def tag_members(self, tag_id: int, after: str = "") -> Page:
        """POST user/tag/get: up to 10,000 followers who have the tag."""
        body = orjson.dumps({"tagid": tag_id, "next_openid": after})
        return page_of(self._with_token("POST", "/cgi-bin/user/tag/get", body))

    def fetch_token(self) -> Token:
        """A token from WeChat itself; everybody else takes the shared one. Never in force mode."""
        if self._credentials.token_call == "token":  # noqa: S105
            query = urlencode(self._secret())
            return Token.of(self._exchange("GET", f"/cgi-bin/token?{query}"))
        return Token.of(self._stable_token())

    def _stable_token(self) -> dict[str, Any]:
        body = orjson.dumps({"force_refresh": False} | self._secret())
        return self._exchange("POST", "/cgi-bin/stable_token", body)

    def _secret(self) -> dict[str, str]:
        known = {"appid": self._credentials.appid, "secret": self._credentials.secret}
        return {"grant_type": "client_credential"} | known

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
        response = self._first_that_answers(method, target, body)
        return answer_of(response.status_code, response.content)

    def _first_that_answers(
        self, method: str, target: str, body: bytes | None = None
    ) -> requests.Response:
        failure, phases, path = None, Phases(), target.partition("?")[0]
        try:
            for address in self._reachable_first():
                if failure:
                    phases.give_up()
                try:
                    return self._request(phases, method, address + target, body)
                except Unreachable as error:
                    self._unreachable_until[address] = time.monotonic() + UNREACHABLE_SECONDS
                    failure = error
            raise failure or Unreachable("no address is set")
        finally:
            if path.endswith("token"):
                self._token_call = (time.monotonic(), phases)
            self._told(path, phases)

    def _request(
        self, phases: Phases, method: str, url: str, body: bytes | None
    ) -> requests.Response:
        phases.host = urlsplit(url).hostname or ""
        headers = {"Content-Type": "application/json; charset=utf-8"} if body else {}
        # A redirect would carry the token elsewhere.
        given = {"data": body, "headers": headers, "allow_redirects": False}
        try:
            return ask(self._session, phases, method, url, timeout=self._timeout, **given)
        except requests.RequestException as error:
            failure = failure_of(error)
        # Raised here, not above: within `except` the error with the URL would be its context.
        raise failure


@lru_cache(maxsize=1)
def _token_threads() -> ThreadPoolExecutor:
    """The loop's own has six threads here: as many accounts whose token call hangs would keep all
    others from their tokens."""
    return ThreadPoolExecutor(TOKEN_THREADS, "token")
