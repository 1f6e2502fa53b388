"""What the endpoints answer, as types: for the OpenAPI document alone, and held against the real
answers by its tests (`tests/api/test_contract.py`). The answers themselves are made in
`notifier/api/answers.py` and beside the other endpoints."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from notifier.api.bodies import Moment, RowBody
from notifier.models import State

Id = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", examples=["01a2168a6e4072de9812f900f7f1152e"])]
Status = Annotated[str, Meta(extra_json_schema={"enum": list(State.values)})]
Cursor = Annotated[str, Meta(description="The `after` of the next page; null: this was the last.")]


class ErrorDetail(Struct):
    pointer: Annotated[str, Meta(description="JSON pointer (RFC 6901) into the request.")]
    code: Annotated[str, Meta(description="Stable; programs may compare it.")]
    detail: str


class Problem(Struct):
    """RFC 9457 problem details."""

    type: Annotated[str, Meta(examples=["urn:hongyan:problem:rejected"])]
    title: str
    status: int
    detail: Annotated[str, Meta(description="What is wrong, and what to do.")]
    errors: list[ErrorDetail]
    request_id: str
    trace_id: Annotated[
        str | None,
        Meta(
            description="Of the W3C traceparent that was sent, or of our own trace. Under load "
            "not every trace is kept."
        ),
    ]


class OpenId(Struct):
    openid: str


class AcceptedMessage(Struct):
    id: Id
    status: Literal["queued"]
    template: str
    template_version: int
    to: OpenId
    priority: Literal["urgent", "normal", "bulk"]
    created_at: Moment
    expires_at: Moment


class Waiting(Struct):
    """Why it waits, since when and until when."""

    reason: str
    since: Moment | None
    until: Moment | None
    detail: str | None


class DryRun(Struct):
    dry_run: bool
    template: str
    template_version: int
    to: OpenId
    data: dict[str, str]
    url: str | None
    miniprogram: dict[str, str] | None
    due_at: Moment
    expires_at: Moment
    waiting: Waiting | None


class WeChatError(Struct):
    """WeChat's last refusal, what it means, and what to do."""

    detail: str | UnsetType = UNSET
    errcode: int | UnsetType = UNSET
    errmsg: str | UnsetType = UNSET
    rid: str | UnsetType | None = UNSET
    kind: str | UnsetType = UNSET
    meaning: str | UnsetType = UNSET
    fix: str | UnsetType = UNSET


class ListedMessage(Struct):
    id: Id
    status: Status
    reason: str | None
    template: str
    template_version: int
    to: OpenId
    priority: Literal["urgent", "normal", "bulk"]
    created_at: Moment
    expires_at: Moment
    metadata: dict[str, Any]
    due_at: Moment | None
    attempts: int
    sent_at: Moment | None
    msgid: str | None
    receipt: str | None
    receipt_at: Moment | None
    error: WeChatError | None


class TimelineEvent(Struct):
    at: Moment
    status: Status
    attempt: int
    reason: str | None
    errcode: int | None
    detail: str | None
    duration_ms: int | None
    next_at: Moment | None


class WholeMessage(ListedMessage):
    waiting: Waiting | None
    events: list[TimelineEvent]


class MessagePage(Struct):
    data: list[ListedMessage]
    next: Cursor | None
    has_more: bool


class RowResult(Struct):
    status: Literal["queued", "rejected", "not_tried"]
    id: Id | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET
    errors: list[ErrorDetail] | UnsetType = UNSET


class BatchResult(Struct):
    accepted: int
    rejected: int
    results: list[RowResult]


class StreamLine(RowResult, kw_only=True):
    """One line of the answer."""

    line: int


class Cancelled(Struct):
    cancelled: int
    unknown: Annotated[int, Meta(description="WeChat may have got them already.")]
    too_late: int
    has_more: bool


class Field(Struct):
    key: str
    label: str
    pattern: str
    type: str | None
    limit: int | None
    when_too_long: Literal["reject", "shorten"]
    values: list[str] | None
    sample: str | None


class Template(Struct):
    code: str
    name: str
    account: str
    version: int
    held: str | None
    title: str
    fields: list[Field]
    variables: list[str]
    example: dict[str, Any]


class TemplatePage(Struct):
    data: list[Template]
    next: Cursor | None
    has_more: bool


class CardRow(Struct):
    label: str
    value: str


class Card(Struct):
    title: str
    rows: list[CardRow]


class TemplatePreview(Struct):
    template: str
    template_version: int
    data: dict[str, str]
    card: Card
    url: str | None
    miniprogram: dict[str, str] | None


class Count(Struct):
    begins: Moment
    statuses: dict[str, int]
    errcodes: dict[str, int]


class CountsAnswer(Struct):
    by: Literal["hour", "day"]
    data: list[Count]


class Account(Struct):
    account: str
    name: str
    active: bool


class AccountList(Struct):
    data: list[Account]


class RecipientResult(Struct):
    openid: str
    status: Literal["created", "changed", "unchanged", "rejected"]
    errors: list[ErrorDetail] | UnsetType = UNSET


class RecipientResults(Struct):
    results: list[RecipientResult]


class Person(Struct):
    openid: str
    user: str | None
    name: str | None
    email: str | None
    phone: Annotated[str | None, Meta(description="Masked: the number itself is not kept.")]
    unionid: str | None
    attributes: dict[str, str | int | float | bool]
    state: str
    groups: list[str]
    tags: list[str]
    followed_at: Moment | None


class Resolved(Struct):
    openid: str
    state: str


class ResolvedList(Struct):
    results: list[Resolved | None]


class Filter(Struct):
    """As of the list; at least one."""

    status: str | UnsetType = UNSET
    template: str | UnsetType = UNSET
    user: str | UnsetType = UNSET
    openid: str | UnsetType = UNSET
    errcode: str | UnsetType = UNSET
    since: str | UnsetType = UNSET
    until: str | UnsetType = UNSET
    metadata: dict[str, str] | UnsetType = UNSET


class Batch(Struct, forbid_unknown_fields=True):
    messages: Annotated[list[RowBody], Meta(min_length=1, max_length=1000)]
    all_or_nothing: bool = False
