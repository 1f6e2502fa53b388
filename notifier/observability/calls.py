"""Where the time of calls to WeChat goes; a message's is counted when that is settled."""

from typing import Any

from notifier import metrics
from notifier.wechat.phases import Phases
from templates_app.signals import wechat_asked

PREFIX = "/cgi-bin/"


def connect() -> None:
    wechat_asked.connect(_count, dispatch_uid="calls")


def _count(*, account: int, call: str, phases: Phases, **_: Any) -> None:
    named = (account, phases.host, call.removeprefix(PREFIX))
    for phase, seconds in phases.spent().items():
        metrics.call_seconds.labels(*named, phase).observe(seconds)
