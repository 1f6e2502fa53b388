"""One account's calls in this process: the rows that wait for one, and how many are in the air."""

from collections import deque
from dataclasses import replace

from notifier.dispatch.claim import Claimed
from notifier.dispatch.gate import FAILURES, Limits
from notifier.dispatch.reports import STOPPED, WORKS, is_system_failure
from notifier.dispatch.send import Attempt
from notifier.dispatch.window import Window
from notifier.models import Priority
from notifier.wechat.client import WeChatClient

SAME_SECONDS = 1.0


class Channel:
    def __init__(self, ceiling: int) -> None:
        self.window = Window(ceiling)
        self.in_air = 0
        self.is_held = False
        """The breaker is open: what waits here goes back to its lane."""
        self.held_at = 0.0
        """time.monotonic(); what the gate granted before it says nothing."""
        self.untold = 0
        """The hand-over of results that the gate must hear of before anything is called again."""
        self.failures = 0
        """System failures in a row, as they come back."""
        self._tokenless_at = 0.0
        """When the last call for a token failed that was counted; Unix seconds."""
        self.limits = Limits(0, 0, 0)
        self.waiting = {priority: deque[tuple[WeChatClient, Claimed]]() for priority in Priority}

    def judged(self, result: Attempt) -> Attempt:
        """Those that waited for one token share the failure of the call for it: one counts."""
        if result.had_token or not is_system_failure(result):
            return result
        ended = result.began + result.seconds
        if abs(ended - self._tokenless_at) < SAME_SECONDS:
            return replace(result, is_echo=True)
        self._tokenless_at = ended
        return result

    def noted(self, result: Attempt) -> bool:
        """The answer of a call; True: no call more, not even until the gate is told."""
        if result.kind in WORKS:
            self.failures = 0
        elif is_system_failure(result):
            self.failures += 1
        if result.kind in STOPPED or self.failures >= FAILURES:
            self.is_held = True
        return self.is_held

    def opened(self, granted_at: float) -> None:
        """The gate has let something through."""
        if not self.untold and granted_at > self.held_at:
            self.is_held, self.failures = False, 0

    def next(self) -> tuple[WeChatClient, Claimed] | None:
        """The most urgent."""
        return next((rows.popleft() for rows in self.waiting.values() if rows), None)

    def is_busy(self) -> bool:
        return self.in_air > 0 or any(self.waiting.values())
