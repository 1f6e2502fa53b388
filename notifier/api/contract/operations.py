"""The contract: what each endpoint takes and answers, beside what all of them answer. One row for
each method of each address; `tests/api/test_contract.py` finds what is missing."""

from dataclasses import dataclass, field
from typing import Any, Literal

from notifier.api import (
    bodies,
    campaign_bodies,
    campaign_changes,
    recipients,
    schedules,
    templates,
    webhooks,
)
from notifier.api.batch import NDJSON
from notifier.api.contract import campaign_shapes, event_shapes, shapes

JSON = "application/json"
FOR_ALL = (400, 401, 403, 404, 405, 413, 422, 429, 500, 503)
"""Problems that every endpoint can answer."""


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    about: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    where: Literal["query", "header"] = "query"


@dataclass(frozen=True, slots=True)
class Operation:
    """`takes`: media type -> Struct. `gives`: status -> Struct, or None without a body; a line of
    it where the media type is NDJSON."""

    summary: str
    gives: dict[int, Any]
    takes: dict[str, Any] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    media: str = JSON
    about: str = ""


IDEMPOTENCY = Parameter(
    "Idempotency-Key",
    "Yours, of 1 to 255 characters: the same request with it again gives the first answer.",
    {"type": "string", "minLength": 1, "maxLength": 255},
    "header",
)
WHOLE_IDEMPOTENCY = Parameter(
    "Idempotency-Key",
    "Yours, of 1 to 240 characters, for all rows that have no `idempotency_key` of their own: the "
    "same row at the same place gives the first answer.",
    {"type": "string", "minLength": 1, "maxLength": 240},
    "header",
)
PAGE = (
    Parameter("limit", "Rows of a page.", {"type": "integer", "minimum": 1, "maximum": 200}),
    Parameter("after", "The `next` of the page before."),
)
MANY = Parameter("limit", "Rows of a page.", {"type": "integer", "minimum": 1, "maximum": 1000})
MESSAGES = (
    Parameter("status", "One or several, set apart by commas."),
    Parameter("template", "The template's code."),
    Parameter("user", "Your own id of the person."),
    Parameter("openid", "The person's OpenID."),
    Parameter("errcode", "WeChat's errcode.", {"type": "integer"}),
    Parameter("since", "Accepted from then on.", {"type": "string", "format": "date-time"}),
    Parameter("until", "Accepted before.", {"type": "string", "format": "date-time"}),
)
SPAN = (
    Parameter("by", "The length of a step.", {"type": "string", "enum": ["hour", "day"]}),
    *MESSAGES[-2:],
)


def _action(summary: str, **more: Any) -> Operation:
    return Operation(summary, {200: campaign_shapes.CampaignAnswer}, refuses=(409, 422), **more)


def _takes(body: Any) -> dict[str, Any]:
    return {JSON: body}


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("messages", "GET"): Operation(
        "List your messages, newest first",
        {200: shapes.MessagePage},
        parameters=(*MESSAGES, *PAGE),
        about="Also by up to five entries of the metadata: `metadata[order_no]=1`.",
    ),
    ("messages", "POST"): Operation(
        "Send a message",
        {202: shapes.AcceptedMessage, 200: shapes.DryRun},
        _takes(bodies.SendBody),
        (409, 422),
        (IDEMPOTENCY,),
        about="202: it is stored, and will be sent. With `dry_run`, 200: nothing was stored.",
    ),
    ("messages-batch", "POST"): Operation(
        "Send up to 1,000 messages",
        {200: shapes.BatchResult},
        _takes(shapes.Batch),
        (409, 422),
        (WHOLE_IDEMPOTENCY,),
    ),
    ("messages-stream", "POST"): Operation(
        "Send any number of messages, one a line",
        {200: shapes.StreamLine},
        {NDJSON: bodies.RowBody},
        (409, 422),
        (WHOLE_IDEMPOTENCY,),
        media=NDJSON,
    ),
    ("messages-cancel", "POST"): Operation(
        "Cancel what waits and fits a filter",
        {200: shapes.Cancelled},
        _takes(shapes.Filter),
        (422,),
    ),
    ("message", "GET"): Operation("Read a message with its events", {200: shapes.WholeMessage}),
    ("message-cancel", "POST"): Operation(
        "Cancel a message that waits", {200: shapes.WholeMessage}, refuses=(409,)
    ),
    ("schedules", "GET"): Operation(
        "List recurring messages", {200: campaign_shapes.SchedulePage}, parameters=PAGE
    ),
    ("schedules", "POST"): Operation(
        "Make a recurring message",
        {201: campaign_shapes.ScheduleAnswer},
        _takes(schedules.ScheduleBody),
        (422,),
        (IDEMPOTENCY,),
    ),
    ("schedule", "GET"): Operation(
        "Read a recurring message", {200: campaign_shapes.ScheduleAnswer}
    ),
    ("schedule", "DELETE"): Operation("Delete a recurring message", {204: None}),
    ("schedule-pause", "POST"): Operation(
        "Pause a recurring message", {200: campaign_shapes.ScheduleAnswer}
    ),
    ("schedule-resume", "POST"): Operation(
        "Let a recurring message go on", {200: campaign_shapes.ScheduleAnswer}
    ),
    ("campaigns", "GET"): Operation(
        "List campaigns, newest first", {200: campaign_shapes.CampaignPage}, parameters=PAGE
    ),
    ("campaigns", "POST"): Operation(
        "Write a campaign",
        {201: campaign_shapes.CampaignAnswer},
        _takes(campaign_bodies.CampaignBody),
        (409, 422),
        (IDEMPOTENCY,),
    ),
    ("campaign", "GET"): Operation("Read a campaign", {200: campaign_shapes.CampaignAnswer}),
    ("campaign", "PATCH"): _action(
        "Change a campaign that is not launched",
        takes=_takes(campaign_changes.CampaignChanges),
        about="What is not named stays. What was checked must be checked again.",
    ),
    ("campaign-rows", "PUT"): Operation(
        "Upload a campaign's audience",
        {200: campaign_shapes.CampaignAnswer},
        {NDJSON: campaign_bodies.RowOfAudience, "text/csv": str},
        (409, 415, 422),
    ),
    ("campaign-results", "GET"): Operation(
        "Read what became of each person",
        {200: campaign_shapes.CampaignResult},
        refuses=(410,),
        media=NDJSON,
    ),
    ("campaign-replay", "POST"): Operation(
        "Make a campaign for those whom one surely did not reach",
        {201: campaign_shapes.CampaignAnswer},
        _takes(campaign_bodies.ReplayBody),
        (409, 422),
    ),
    ("campaign-check", "POST"): _action("Have a campaign's audience checked"),
    ("campaign-launch", "POST"): _action(
        "Send a checked campaign", takes=_takes(campaign_bodies.DecideBody)
    ),
    ("campaign-approve", "POST"): _action(
        "Approve another's campaign", takes=_takes(campaign_bodies.DecideBody)
    ),
    ("campaign-withdraw", "POST"): _action("Take a campaign back before it begins"),
    ("campaign-pause", "POST"): _action("Pause a campaign"),
    ("campaign-resume", "POST"): _action("Let a campaign go on"),
    ("campaign-cancel", "POST"): _action("Cancel a campaign"),
    ("events", "GET"): Operation(
        "Read the changes of your messages, oldest first",
        {200: event_shapes.EventPage},
        refuses=(410, 422),
        parameters=(MANY, PAGE[1]),
    ),
    ("webhook-endpoints", "GET"): Operation(
        "List your endpoints", {200: event_shapes.EndpointList}
    ),
    ("webhook-endpoints", "POST"): Operation(
        "Add an endpoint",
        {201: event_shapes.EndpointWithSecret},
        _takes(webhooks.EndpointBody),
        (409, 422),
    ),
    ("webhook-endpoint", "GET"): Operation("Read an endpoint", {200: event_shapes.Endpoint}),
    ("webhook-endpoint", "PATCH"): Operation(
        "Change an endpoint", {200: event_shapes.Endpoint}, _takes(webhooks.EndpointChanges), (422,)
    ),
    ("webhook-endpoint", "DELETE"): Operation("Delete an endpoint", {204: None}),
    ("webhook-rotate-secret", "POST"): Operation(
        "Give an endpoint a new secret", {200: event_shapes.EndpointWithSecret}
    ),
    ("webhook-ping", "POST"): Operation(
        "Send an endpoint a test event", {202: event_shapes.Delivery}
    ),
    ("webhook-replay", "POST"): Operation(
        "Send events of a time once more",
        {202: event_shapes.Replayed},
        _takes(webhooks.RangeBody),
        (422,),
    ),
    ("webhook-deliveries", "GET"): Operation(
        "List what an endpoint was told, newest first",
        {200: event_shapes.DeliveryPage},
        refuses=(422,),
        parameters=(
            Parameter("outcome", "What became of it."),
            Parameter("type", "The event's type."),
            MANY,
            PAGE[1],
        ),
    ),
    ("webhook-delivery", "GET"): Operation("Read a delivery", {200: event_shapes.Delivery}),
    ("webhook-delivery-replay", "POST"): Operation(
        "Send a delivery once more", {202: event_shapes.Delivery}
    ),
    ("templates", "GET"): Operation(
        "List what can be sent", {200: shapes.TemplatePage}, parameters=PAGE
    ),
    ("template", "GET"): Operation("Read a template with an example", {200: shapes.Template}),
    ("template-preview", "POST"): Operation(
        "See the card that data would make",
        {200: shapes.TemplatePreview},
        _takes(templates.PreviewBody),
        (422,),
    ),
    ("template-counts", "GET"): Operation(
        "Count a template's messages by status", {200: shapes.CountsAnswer}, parameters=SPAN
    ),
    ("accounts", "GET"): Operation(
        "List the accounts that the key reaches", {200: shapes.AccountList}
    ),
    ("recipients", "PUT"): Operation(
        "Write up to 1,000 recipients",
        {200: shapes.RecipientResults},
        _takes(recipients.ManyBody),
        (422,),
    ),
    ("resolve", "POST"): Operation(
        "Look up whom addresses mean",
        {200: shapes.ResolvedList},
        _takes(recipients.ResolveBody),
        (422,),
    ),
    ("recipient", "GET"): Operation("Read a recipient", {200: shapes.Person}),
    ("recipient", "PUT"): Operation(
        "Write a recipient",
        {200: shapes.Person, 201: shapes.Person},
        _takes(recipients.PersonBody),
        (422,),
    ),
    ("recipient", "DELETE"): Operation("Erase a person's data", {204: None}, refuses=(409,)),
}
