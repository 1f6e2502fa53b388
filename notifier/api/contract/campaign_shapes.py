"""Answers about campaigns and recurring messages; as `shapes.py`."""

from typing import Any, Literal

from msgspec import Struct

from notifier.api.bodies import Moment
from notifier.api.contract.shapes import Cursor


class ScheduleAnswer(Struct):
    id: int
    name: str
    cron: str
    zone: str
    late: Literal["once", "skip", "all"]
    active: bool
    message: dict[str, Any]
    next_runs: list[Moment]
    last_run: Moment | None
    last_message: str | None
    last_problem: str | None


class SchedulePage(Struct):
    data: list[ScheduleAnswer]
    next: Cursor | None
    has_more: bool


class ListedCampaign(Struct):
    id: int
    name: str
    status: str
    reason: str | None
    account: str
    template: str
    template_version: int
    replay_of: int | None
    created_by: str
    created_at: Moment
    messages: dict[str, int]


class CampaignPage(Struct):
    data: list[ListedCampaign]
    next: Cursor | None
    has_more: bool


class CampaignAnswer(ListedCampaign):
    data: dict[str, str]
    audience: dict[str, Any]
    priority: Literal["normal", "bulk"]
    send_at: Moment | None
    zone: str
    pace: int | None
    canary_percent: int
    canary_minutes: int
    most_failed: float
    most_refused: float
    most_blocked: float
    check: dict[str, Any] | None
    approved_by: str | None
    started_at: Moment | None
    finished_at: Moment | None
    forecast: dict[str, Any] | None


class CampaignResult(Struct):
    """One line: a person of the audience. `status` is its message's; without one `left_out`,
    `waiting`, or `deleted`: messages are kept for a time, and the audience for as long after the
    campaign's end."""

    row: int
    openid: str | None
    user: str | None
    status: str
    problem: str | None
    message: str | None
    errcode: int | None
