"""One account's calls in this process: the rows that wait for one, and how many are in the air."""

from collections import deque

from notifier.dispatch.claim import Claimed
from notifier.dispatch.gate import Limits
from notifier.dispatch.window import Window
from notifier.models import Priority
from notifier.wechat.client import WeChatClient


class Channel:
    def __init__(self, ceiling: int) -> None:
        self.window = Window(ceiling)
        self.in_air = 0
        self.is_held = False
        """The breaker is open: what waits here goes back to its lane."""
        self.limits = Limits(0, 0, 0)
        self.waiting = {priority: deque[tuple[WeChatClient, Claimed]]() for priority in Priority}

    def next(self) -> tuple[WeChatClient, Claimed] | None:
        """The most urgent."""
        return next((rows.popleft() for rows in self.waiting.values() if rows), None)

    def is_busy(self) -> bool:
        return self.in_air > 0 or any(self.waiting.values())
