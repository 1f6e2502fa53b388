"""Answers about events, endpoints and deliveries; as `shapes.py`."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from notifier.api.bodies import Moment
from notifier.api.contract.shapes import Cursor, Id


class EventData(Struct):
    """Of a ping nothing; the fields from `account` on are of `anomaly.…`."""

    id: Annotated[str | UnsetType, Meta(description="Of the message, or the anomaly.")] = UNSET
    status: str | UnsetType = UNSET
    template: str | UnsetType = UNSET
    to: dict[str, str | None] | UnsetType = UNSET
    test: Annotated[bool | UnsetType, Meta(description="Sent with a test key.")] = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    errcode: int | UnsetType | None = UNSET
    reason: str | UnsetType | None = UNSET
    detail: str | UnsetType | None = UNSET
    attempt: int | UnsetType = UNSET
    cause: str | UnsetType | None = UNSET
    account: Annotated[str | UnsetType, Meta(description="Its short name.")] = UNSET
    templates: Annotated[
        list[str] | UnsetType, Meta(description="In which it shows, by their codes.")
    ] = UNSET
    measure: Annotated[str | UnsetType, Meta(description="What is unusual, such as failure.")] = (
        UNSET
    )
    value: float | UnsetType = UNSET
    worst: float | UnsetType = UNSET
    usual: float | UnsetType | None = UNSET
    limit: float | UnsetType | None = UNSET
    messages: int | UnsetType = UNSET
    is_sample: Annotated[
        bool | UnsetType, Meta(description="`messages` are a sample of very many.")
    ] = UNSET
    began_at: Moment | UnsetType = UNSET
    ended_at: Moment | UnsetType | None = UNSET
    ended_because: Annotated[str | UnsetType | None, Meta(description="usual, or not_judged.")] = (
        UNSET
    )
    part_of: Annotated[
        str | UnsetType | None,
        Meta(description="The id of the account's anomaly that it became a part of."),
    ] = UNSET
    text: str | UnsetType = UNSET


class Event(Struct):
    """As webhooks carry it."""

    id: Annotated[str, Meta(description="The same over all attempts and replays.")]
    type: str
    timestamp: Moment
    data: EventData


class EventPage(Struct):
    data: list[Event]
    next: str
    has_more: bool


class Endpoint(Struct):
    id: Id
    url: str
    types: list[str]
    description: str
    active: bool
    test: bool
    off_because: str | None
    failures_in_a_row: int
    failing_since: Moment | None
    paused_until: Moment | None
    previous_secret_until: Moment | None
    created_at: Moment


class EndpointWithSecret(Endpoint):
    secret: Annotated[str, Meta(description="Shown this once.")]


class EndpointList(Struct):
    data: list[Endpoint]


class DeliveryAttempt(Struct):
    at: Moment
    status: int | None
    duration_ms: int | None
    problem: str | None
    detail: str | None
    answer: str | None


class Delivery(Struct):
    id: str
    endpoint_id: Id
    event_id: str
    type: str
    message_id: Id | None
    outcome: str
    next_attempt_at: Moment | None
    finished_at: Moment | None
    created_at: Moment
    attempts: list[DeliveryAttempt]


class DeliveryPage(Struct):
    data: list[Delivery]
    next: Cursor | None
    has_more: bool


class Replayed(Struct):
    replayed: int
    next_since: Annotated[
        Moment | None, Meta(description="Call again with it as since: there are more.")
    ]
