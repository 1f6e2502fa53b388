"""The contract: what each endpoint takes and answers, beside what all of them answer. One row for
each method of each address; `tests/api/test_contract.py` finds what is missing."""

from dataclasses import dataclass, field
from typing import Any, Literal

from notifier.api import bodies, campaign_bodies, recipients, schedules, templates
from notifier.api.batch import NDJSON
from notifier.api.contract import shapes

JSON = "application/json"
FOR_ALL = (400, 401, 403, 404, 405, 413, 429, 500, 503)
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
PAGE = (
    Parameter("limit", "Rows of a page.", {"type": "integer", "minimum": 1, "maximum": 200}),
    Parameter("after", "The `next` of the page before."),
)
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
    return Operation(summary, {200: shapes.CampaignAnswer}, refuses=(409, 422), **more)


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
        "Send up to 1,000 messages", {200: shapes.BatchResult}, _takes(shapes.Batch), (409, 422)
    ),
    ("messages-stream", "POST"): Operation(
        "Send any number of messages, one a line",
        {200: shapes.StreamLine},
        {NDJSON: bodies.RowBody},
        (409, 422),
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
        "List recurring messages", {200: shapes.SchedulePage}, parameters=PAGE
    ),
    ("schedules", "POST"): Operation(
        "Make a recurring message",
        {201: shapes.ScheduleAnswer},
        _takes(schedules.ScheduleBody),
        (422,),
    ),
    ("schedule", "GET"): Operation("Read a recurring message", {200: shapes.ScheduleAnswer}),
    ("schedule", "DELETE"): Operation("Delete a recurring message", {204: None}),
    ("schedule-pause", "POST"): Operation(
        "Pause a recurring message", {200: shapes.ScheduleAnswer}
    ),
    ("schedule-resume", "POST"): Operation(
        "Let a recurring message go on", {200: shapes.ScheduleAnswer}
    ),
    ("campaigns", "GET"): Operation(
        "List campaigns, newest first", {200: shapes.CampaignPage}, parameters=PAGE
    ),
    ("campaigns", "POST"): Operation(
        "Write a campaign",
        {201: shapes.CampaignAnswer},
        _takes(campaign_bodies.CampaignBody),
        (409, 422),
        (IDEMPOTENCY,),
    ),
    ("campaign", "GET"): Operation("Read a campaign", {200: shapes.CampaignAnswer}),
    ("campaign-rows", "PUT"): Operation(
        "Upload a campaign's audience",
        {200: shapes.CampaignAnswer},
        {NDJSON: campaign_bodies.RowOfAudience, "text/csv": str},
        (409, 415, 422),
    ),
    ("campaign-results", "GET"): Operation(
        "Read what became of each person", {200: shapes.CampaignResult}, media=NDJSON
    ),
    ("campaign-replay", "POST"): Operation(
        "Make a campaign for those whom one surely did not reach",
        {201: shapes.CampaignAnswer},
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
