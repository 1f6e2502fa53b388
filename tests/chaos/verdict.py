"""Judges a storm: what callers were promised, our rows, and what the simulated WeChat saw."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from notifier.models import MOVES, State
from tests.chaos.stage import LEASE_SECONDS

LEASE = timedelta(seconds=LEASE_SECONDS)
FINAL = frozenset(
    {
        State.SENT,
        State.DELIVERED,
        State.UNDELIVERED,
        State.FAILED,
        State.UNKNOWN,
        State.EXPIRED,
    }
)
AT_WECHAT = frozenset({State.SENT, State.DELIVERED, State.UNDELIVERED})
MAY_BE_AT_WECHAT = AT_WECHAT | {State.UNKNOWN}


class Flaw(StrEnum):
    LOST = "lost"
    DOUBLED = "doubled"
    STRAY = "stray"
    """Nobody asked for it."""
    OPEN = "not final"
    INCOHERENT = "incoherent"
    """Row, timeline and WeChat tell different stories."""


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    state: State
    attempt: int = 0
    reason: str = ""
    detail: str = ""

    def __str__(self) -> str:
        words = [f"{self.at:%H:%M:%S.%f} {self.state:<11} attempt {self.attempt}"]
        return " ".join([*words, self.reason, self.detail]).rstrip()


@dataclass(slots=True)
class Story:
    """All that is known of one message."""

    key: str = ""
    state: State | None = None
    """None: there is no row."""
    msgid: str = ""
    events: list[Event] = field(default_factory=list)
    """The first, its acceptance, is the row itself; in the order in which the API shows them."""
    cards: list[dict[str, Any]] = field(default_factory=list)
    """WeChat's record: each time it accepted the message."""

    @property
    def delivered(self) -> int:
        return sum(card["delivered"] for card in self.cards)


@dataclass(frozen=True, slots=True)
class Finding:
    flaw: Flaw
    message_id: str
    text: str


def judge(accepted: Mapping[str, str], stories: Mapping[str, Story]) -> list[Finding]:
    """`accepted`: idempotency key -> message id; `stories`: message id -> what became of it."""
    findings = []
    for key, message_id in accepted.items():
        if stories.get(message_id, Story()).state is None:
            findings.append(Finding(Flaw.LOST, message_id, f"{key} was accepted and has no row"))
    for message_id, story in stories.items():
        findings += [
            Finding(flaw, message_id, text)
            for flaw, text in _wrong_with(story, accepted.get(story.key) == message_id)
        ]
    return findings


def _wrong_with(story: Story, was_accepted: bool) -> Iterator[tuple[Flaw, str]]:
    if story.delivered > 1:
        yield Flaw.DOUBLED, f"delivered {story.delivered} times"
    if story.state is None:
        yield Flaw.STRAY, "WeChat has it and there is no row"
        return
    if not was_accepted:
        yield Flaw.STRAY, f"a row for {story.key or 'no key'} that no caller was told of"
    if story.state not in FINAL:
        yield Flaw.OPEN, f"it is still {story.state}"
    if story.state in (State.SENT, State.DELIVERED) and story.delivered == 0:
        yield Flaw.LOST, f"it is {story.state} and was never delivered"
    yield from _disagreements(story)
    yield from _calls_without_a_claim(story)


def _disagreements(story: Story) -> Iterator[tuple[Flaw, str]]:
    if story.cards and story.state in FINAL - MAY_BE_AT_WECHAT:
        yield Flaw.INCOHERENT, f"it is {story.state} and WeChat has it"
    msgids = {card["msgid"] for card in story.cards}
    if story.state in AT_WECHAT and story.cards and story.msgid not in msgids:
        yield Flaw.INCOHERENT, f"its msgid {story.msgid or '(none)'} is not WeChat's"
    last = story.events[-1].state if story.events else State.QUEUED
    if last != story.state:
        yield Flaw.INCOHERENT, f"it is {story.state} and its last event says {last}"
    before = State.QUEUED
    for event in story.events:
        if event.state not in MOVES[before]:
            yield Flaw.INCOHERENT, f"an event moves it from {before} to {event.state}"
            return
        before = event.state


def _calls_without_a_claim(story: Story) -> Iterator[tuple[Flaw, str]]:
    """A claim allows one call, and none after its lease: a worker that comes back must not begin.

    Calls that WeChat refused or knew already are not in its record; with its memory off all are.
    """
    claims = [event.at for event in story.events if event.state is State.SENDING]
    calls: Counter[datetime | None] = Counter()
    for card in story.cards:
        at = datetime.fromtimestamp(card["received_at"], UTC)
        last = max((claim for claim in claims if claim <= at), default=None)
        calls[last] += 1
        if last is None or at > last + LEASE:
            yield Flaw.INCOHERENT, f"WeChat got it at {at:%H:%M:%S.%f}, under no lease"
    if any(count > 1 for count in calls.values()):
        yield Flaw.INCOHERENT, "WeChat got it twice under one claim"


def counted(findings: Iterable[Finding]) -> Counter[Flaw]:
    """Messages with each flaw, not findings: one message may have several of a kind."""
    return Counter(flaw for flaw, _ in {(one.flaw, one.message_id) for one in findings})
