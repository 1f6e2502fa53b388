"""Access tokens: two independent slots an account, each with its overlap and its end."""

import secrets
import time
from dataclasses import dataclass, field

from .accounts import Account
from .answers import Refusal

FORCED_A_DAY = 20
FORCED_APART = 30.0
REMEMBERED = 50


@dataclass(slots=True)
class Token:
    value: str
    account: Account
    expires_at: float
    replaced_at: float = float("inf")
    """From here on it answers 40001: superseded or killed."""


def overlap(account: Account) -> float:
    """How long old and new both work: 300 s of the usual 7200, in proportion when shorter."""
    return min(300.0, account.token_lifetime / 24)


@dataclass(slots=True)
class Slot:
    current: Token | None = None
    issued: list[Token] = field(default_factory=list)
    forced: list[float] = field(default_factory=list)


class Tokens:
    """Every token that was issued lately, by its value."""

    def __init__(self) -> None:
        self._known: dict[str, Token] = {}
        self._slots: dict[tuple[str, str], Slot] = {}

    def find(self, value: str) -> Token | None:
        return self._known.get(value)

    @staticmethod
    def account_of(token: Token | None) -> Account:
        now = time.time()
        if token is None or now >= token.replaced_at:
            raise Refusal(40001)
        if now >= token.expires_at:
            raise Refusal(42001)
        return token.account

    def new(self, account: Account, kind: str) -> Token:
        """`/cgi-bin/token`: always a new one; the previous lives on for the overlap."""
        slot = self._slots.setdefault((account.appid, kind), Slot())
        now = time.time()
        if slot.current is not None:
            slot.current.replaced_at = min(slot.current.replaced_at, now + overlap(account))
            for older in slot.issued[:-1]:
                older.replaced_at = min(older.replaced_at, now)
        value = f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(102)}"
        slot.current = Token(value, account, now + account.token_lifetime)
        slot.issued.append(slot.current)
        self._known[value] = slot.current
        for forgotten in slot.issued[:-REMEMBERED]:
            self._known.pop(forgotten.value, None)
        del slot.issued[:-REMEMBERED]
        return slot.current

    def stable(self, account: Account, force: bool) -> Token:
        slot = self._slots.setdefault((account.appid, "stable"), Slot())
        current, now = slot.current, time.time()
        usable = current is not None and now < current.replaced_at
        if current is None or not usable or current.expires_at - now <= overlap(account):
            return self.new(account, "stable")
        if force and self._may_force(slot, now):
            return self.new(account, "stable")
        return current

    @staticmethod
    def _may_force(slot: Slot, now: float) -> bool:
        slot.forced = [at for at in slot.forced if now - at < 86_400]
        if slot.forced and now - slot.forced[-1] < FORCED_APART:
            return False
        if len(slot.forced) >= FORCED_A_DAY:
            raise Refusal(45009)
        slot.forced.append(now)
        return True

    def kill(self, appid: str) -> bool:
        """The current stable token dies at once, as when another process replaced it twice."""
        slot = self._slots.get((appid, "stable"))
        if slot is None or slot.current is None:
            return False
        for token in slot.issued:
            token.replaced_at = min(token.replaced_at, time.time())
        slot.current = None
        return True
