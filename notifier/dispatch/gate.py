"""The gate before an account: how many messages may go to WeChat now, and if none, why not.

Breaker, pace and quota of an account are one hash in Redis, shared by all workers; what follows
from it is two pure scripts, which know the time only as a parameter. A lost Redis is an open road:
the next answers of WeChat close it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from notifier.dispatch.lanes import redis
from notifier.dispatch.retry import china_day, next_midnight_in_china, quota_reset
from notifier.dispatch.scripts import script
from notifier.models import Priority, Reason
from templates_app.models import OfficialAccount

PROBE_SECONDS = 30
"""While the breaker is open WeChat sees one message in so many seconds."""
FAILURES = 5
"""So many system failures in a row, with no success between them, open the breaker."""
BURST_SECONDS = 1.25
"""What a quiet account may send at once, as seconds of its pace."""
UNLIMITED = 100_000.0
"""Messages a second; the pace of an account without a ceiling."""
FIRST_PACE = 10.0
"""Messages a second right after the breaker closes, doubling each second; a slow-down goes no
lower."""
KEEP_SECONDS = 2 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows an account."""

    per_second: float
    daily: int
    """WeChat's quota of a day; 0: not counted here."""
    reserve: int
    """So many of `daily` are kept for urgent messages."""
    spacing: int = 0
    """Seconds between two messages to a person."""

    @classmethod
    def of(cls, account: OfficialAccount) -> "Limits":
        return cls(
            account.max_per_second or 0,
            account.daily_quota,
            account.urgent_reserve,
            account.recipient_spacing,
        )

    def is_used_up(self, used: int) -> bool:
        """For normal and bulk messages."""
        return self.daily > 0 and used >= self.daily - self.reserve


@dataclass(frozen=True, slots=True)
class Grant:
    """`count` messages may go. None: `reason` says why, `until` when to ask again."""

    count: int
    reason: Reason = Reason.NONE
    until: datetime | None = None
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a batch of answers says about the account, not about its messages."""

    succeeded_from: float = 0.0
    """When the latest attempt began that WeChat answered as a working account; Unix seconds."""
    sent_from: float = 0.0
    """The same of the latest message that WeChat took: its quota is not used up."""
    failures: int = 0
    """Answers that never came, 5xx and -1: those after the last success."""
    cause: str = ""
    """Why the account cannot send at all: the errcode and WeChat's words."""
    is_slow: bool = False
    minute_is_full: bool = False
    """45011: WeChat takes no more before the next minute."""
    quota_is_used_up: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """How an account is, for people."""

    open_since: datetime | None = None
    cause: str = ""
    probe_at: datetime | None = None
    parked_until: datetime | None = None
    """Normal and bulk wait for the reset of the quota."""
    paused_until: datetime | None = None
    per_second: float | None = None
    """The pace, while it is below the operator's ceiling."""
    sent_today: int = 0


def ask(account_id: int, wanted: int, priority: Priority, limits: Limits, now: datetime) -> Grant:
    """Takes up to `wanted` from the account's pace and quota; `give_back` what is not used."""
    answer = script("ask")(
        keys=[_key(account_id)],
        args=[
            now.timestamp(),
            wanted,
            limits.per_second or UNLIMITED,
            limits.daily,
            limits.reserve,
            int(priority is Priority.URGENT),
            china_day(now),
            next_midnight_in_china(now).timestamp(),
            PROBE_SECONDS,
            BURST_SECONDS,
            KEEP_SECONDS,
        ],
    )
    count, word, until = int(answer[0]), answer[1].decode(), float(answer[2])
    if word == "probe":
        return Grant(count, is_probe=True)
    return Grant(count, _REASONS[word], datetime.fromtimestamp(until, UTC) if until else None)


def give_back(account_id: int, count: int, grant: Grant) -> None:
    """The lane had fewer rows than were granted."""
    if count > 0:
        args: list[str | int] = [count, int(grant.is_probe), ""]
        script("give_back")(keys=[_key(account_id)], args=args)


def give_back_late(account_id: int, count: int, claimed_at: float) -> None:
    """Rows went back to their lane untried; `claimed_at`: Unix seconds, of the first."""
    day = china_day(datetime.fromtimestamp(claimed_at, UTC))
    script("give_back")(keys=[_key(account_id)], args=[count, 0, day])


class Told(NamedTuple):
    is_open: bool
    """The breaker."""
    has_opened: bool
    """Just now."""
    is_unparked: bool
    """Just now: the quota is there again before its time."""


def tell(account_id: int, report: Report, limits: Limits, now: datetime) -> Told:
    """Notes what WeChat's answers say."""
    found = script("tell")(
        keys=[_key(account_id)],
        args=[
            now.timestamp(),
            report.succeeded_from,
            report.failures,
            report.cause[:200],
            int(report.is_slow),
            int(report.minute_is_full),
            quota_reset(now).timestamp() if report.quota_is_used_up else 0,
            limits.per_second or UNLIMITED,
            FAILURES,
            PROBE_SECONDS,
            FIRST_PACE,
            KEEP_SECONDS,
            report.sent_from,
        ],
    )
    return Told(*map(bool, found))


def condition(account: OfficialAccount, now: datetime) -> Condition:
    return conditions([account], now)[0]


def conditions(accounts: Iterable[OfficialAccount], now: datetime) -> list[Condition]:
    """In one round trip."""
    asked = list(accounts)
    with redis().pipeline(transaction=False) as pipeline:
        for one in asked:
            pipeline.hgetall(_key(one.pk))
        stored = pipeline.execute()
    return [_condition(one, found, now) for one, found in zip(asked, stored, strict=True)]


def _condition(account: OfficialAccount, stored: Any, now: datetime) -> Condition:
    found = {name.decode(): value.decode() for name, value in stored.items()}

    def moment(name: str) -> datetime | None:
        seconds = float(found.get(name) or 0)
        return datetime.fromtimestamp(seconds, UTC) if seconds else None

    def future(name: str) -> datetime | None:
        return at if (at := moment(name)) and at > now else None

    used = int(found.get("used") or 0) if found.get("day") == china_day(now) else 0
    ours = next_midnight_in_china(now) if Limits.of(account).is_used_up(used) else None
    return Condition(
        open_since=moment("open_since"),
        cause=found.get("cause", ""),
        probe_at=future("probe_at"),
        parked_until=future("parked_until") or ours,
        paused_until=future("paused_until"),
        per_second=float(found["pace"]) if found.get("pace") else None,
        sent_today=used,
    )


def pause(account_id: int, until: datetime) -> None:
    """For all its messages; a longer pause stays."""
    if float(redis().hget(_key(account_id), "paused_until") or 0) < until.timestamp():
        redis().hset(_key(account_id), "paused_until", until.timestamp())


def probe_now(account_id: int) -> None:
    """Somebody has mended the account: the breaker, if it is open, lets one message through now."""
    if redis().hexists(_key(account_id), "open_since"):
        redis().hset(_key(account_id), "probe_at", 0)


def unpark(account_id: int, used: int | None, now: datetime) -> None:
    """Somebody has cleared the quota; WeChat's next answer tells whether it is so. `used`: today,
    as WeChat counts; None: it does not tell."""
    redis().hdel(_key(account_id), "parked_until", "parked_at")
    if used is not None:
        redis().hset(_key(account_id), mapping={"day": china_day(now), "used": used})


_REASONS = {
    "go": Reason.NONE,
    "open": Reason.ACCOUNT,
    "paused": Reason.PACE,
    "pace": Reason.PACE,
    "quota": Reason.QUOTA,
}


def _key(account_id: int) -> str:
    return f"hongyan:gate:{account_id}"
