"""Official accounts as the simulator knows them: templates, followers, switches, counters."""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .values import Keyword, keywords

DEFAULT_SEND_QUOTA = 100_000
TOKEN_QUOTA = 2_000
CHINA = 8 * 3600


class BadInput(ValueError):
    """A control call or accounts file says something that cannot be; the text says what."""


@dataclass(slots=True)
class Template:
    template_id: str
    title: str
    content: str
    example: str = ""
    primary_industry: str = ""
    deputy_industry: str = ""
    errcode: int = 0
    """Set to 43116, 40249 or 40252 to have the platform refuse this template."""
    choices: dict[str, list[str]] = field(default_factory=dict)
    keywords: tuple[Keyword, ...] = ()

    def __post_init__(self) -> None:
        self.keywords = keywords(self.content)

    def listed(self) -> dict[str, str]:
        names = ("template_id", "title", "primary_industry", "deputy_industry", "content")
        return {name: getattr(self, name) for name in names} | {"example": self.example}


@dataclass(slots=True)
class Follower:
    openid: str
    name: str = ""
    subscribed_at: int = 0
    subscribe: bool = True
    unionid: str = ""


@dataclass(slots=True)
class Tag:
    tag_id: int
    name: str
    openids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Counters:
    token_fetches: int = 0
    stable_token_fetches: int = 0
    sends: int = 0
    accepted: int = 0
    delivered: int = 0
    duplicates_suppressed: int = 0
    receipts_sent: int = 0
    receipts_acknowledged: int = 0
    receipts_pending: int = 0
    rejected: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class Quota:
    """Calls per path and day; the day turns at 00:00 UTC+8."""

    day: int = 0
    used: Counter[str] = field(default_factory=Counter)

    def today(self, path: str) -> int:
        day = int(time.time() + CHINA) // 86_400
        if day != self.day:
            self.day = day
            self.used.clear()
        return self.used[path]

    def take(self, path: str, limit: int) -> bool:
        if self.today(path) >= limit:
            return False
        self.used[path] += 1
        return True


@dataclass(slots=True)
class Account:
    appid: str
    secret: str = ""
    original_id: str = "gh_000000000000"
    name: str = ""
    callback_url: str = ""
    callback_token: str = ""
    encoding_aes_key: str = ""
    callback_mode: str = "plain"
    frozen: bool = False
    ip_not_whitelisted: str = ""
    banned: bool = False
    api_unauthorized: bool = False
    callback_unreachable: bool = False
    """callback/check reports that every ping was lost."""
    send_quota: int = DEFAULT_SEND_QUOTA
    duplicate_reply: str = "ok"
    token_lifetime: int = 7200
    dedup_seconds: int = 600
    any_openid: bool = False
    """Accept every well-formed OpenID, listed or not."""
    pages: list[str] = field(default_factory=list)
    """The mini program's pages, without what follows a question mark; empty: anything goes."""
    templates: dict[str, Template] = field(default_factory=dict)
    followers: dict[str, Follower] = field(default_factory=dict)
    lists_magic: bool = False
    """The follower list names the followers of every fate, too."""
    tags: dict[int, "Tag"] = field(default_factory=dict)
    blacklist: dict[str, None] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    quota: Quota = field(default_factory=Quota)
    clears: int = 0


def _appid(value: Any) -> str:
    if not re.fullmatch(r"wx[0-9a-f]{16}", str(value)):
        raise BadInput(f'"appid" must be wx and 16 hex digits, not {value!r}')
    return str(value)


def _one_of(*choices: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value not in choices:
            raise BadInput(f"must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return convert


def _aes_key(value: Any) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9]{43}", str(value)):
        raise BadInput("must be 43 letters and digits")
    return str(value or "")


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadInput(f"must be a whole number, not {value!r}")
    return value


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise BadInput(f"must be a string, not {value!r}")
    return value or ""


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BadInput(f"must be a list of strings, not {value!r}")
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"must be true or false, not {value!r}")
    return value


def _templates(value: Any) -> dict[str, Template]:
    known = {"primary_industry", "deputy_industry", "example", "errcode", "choices"}
    made = {}
    for row in value:
        if not isinstance(row, dict) or not {"template_id", "title", "content"} <= row.keys():
            raise BadInput("needs template_id, title and content in every row")
        extra = {key: row[key] for key in known & row.keys()}
        made[row["template_id"]] = Template(
            row["template_id"], row["title"], row["content"], **extra
        )
    return made


def _followers(value: Any) -> dict[str, Follower]:
    now, made = int(time.time()), {}
    for row in value:
        given = {"openid": row} if isinstance(row, str) else row
        openid, unionid = given["openid"], _text(given.get("unionid"))
        followed_at = _whole(given["subscribed_at"]) if "subscribed_at" in given else now
        made[openid] = Follower(openid, given.get("name", ""), followed_at, unionid=unionid)
    return made


def _tags(value: Any) -> dict[int, Tag]:
    rows = [Tag(_whole(row["id"]), _text(row["name"]), _texts(row["openids"])) for row in value]
    return {tag.tag_id: tag for tag in rows}


_FIELDS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("secret", "original_id", "name", "callback_url", "callback_token"), _text),
    "appid": _appid,
    "encoding_aes_key": _aes_key,
    "callback_mode": _one_of("plain", "compatible", "safe"),
    "duplicate_reply": _one_of("ok", "40241"),
    "ip_not_whitelisted": _text,
    **dict.fromkeys(("frozen", "banned", "api_unauthorized", "any_openid", "lists_magic"), _switch),
    "callback_unreachable": _switch,
    **dict.fromkeys(("send_quota", "token_lifetime", "dedup_seconds"), _whole),
    "pages": _texts,
    "templates": _templates,
    "followers": _followers,
    "tags": _tags,
}


def upsert(accounts: dict[str, Account], given: Any) -> Account:
    """Make or change the account; fields that are not given stay as they are."""
    if not isinstance(given, dict):
        raise BadInput("an account must be a JSON object")
    values = {}
    for key, value in given.items():
        if key not in _FIELDS:
            raise BadInput(f'unknown field "{key}"; known are {", ".join(sorted(_FIELDS))}')
        try:
            values[key] = _FIELDS[key](value)
        except (BadInput, TypeError, KeyError, AttributeError) as error:
            raise BadInput(f'"{key}": {error}') from error
    appid = _appid(values.get("appid"))
    account = accounts.get(appid)
    if account is None:
        values.setdefault("any_openid", "followers" not in values)
        account = Account(appid)
    mode = values.get("callback_mode", account.callback_mode)
    if mode != "plain" and not values.get("encoding_aes_key", account.encoding_aes_key):
        raise BadInput(f'"callback_mode" {mode} needs an "encoding_aes_key"')
    for key, value in values.items():
        setattr(account, key, value)
    accounts[appid] = account
    return account
