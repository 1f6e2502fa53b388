"""Campaigns by API: the same state machine as the admin's (`notifier/campaigns/states.py`)."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from notifier.api.batch import NDJSON
from notifier.api.bodies import decoded
from notifier.api.callers import client_of, key_of, reached, refuse_test_key
from notifier.api.campaign_answers import listed, result, whole
from notifier.api.campaign_bodies import (
    CampaignBody,
    decode_campaign,
    decode_decision,
    decode_replay,
)
from notifier.api.campaign_changes import decode_changes, values_of
from notifier.api.campaign_rows import keep_rows
from notifier.api.errors import problem
from notifier.api.listing import page_by_number
from notifier.api.views import Endpoint, idempotency_key
from notifier.campaigns import states
from notifier.campaigns.files import files
from notifier.campaigns.replay import make_replay
from notifier.intake.allowed import sendable_or_reject
from notifier.intake.errors import KeyReused
from notifier.models import Audience, Campaign, CampaignRow, CampaignState, Message, Priority, Scope

CHUNK = 1000


READ = (Scope.CAMPAIGNS, Scope.APPROVE)
"""Who approves must see what waits for it."""


class CampaignEndpoint(Endpoint):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raises TestKey: a campaign's people are real."""
        super().initial(request, *args, **kwargs)
        refuse_test_key(request)


class Campaigns(CampaignEndpoint):
    scopes = {"GET": READ, "POST": Scope.CAMPAIGNS}

    def get(self, request: Request) -> Response:
        """The client's own and, for keys that approve, those that wait for it; newest first."""
        page, then = page_by_number(request, _seen(request))
        data = [listed(row) for row in page]
        return Response({"data": data, "next": then, "has_more": then is not None})

    def post(self, request: Request) -> Response:
        """A draft. With an Idempotency-Key the same request makes one."""
        body = decoded(decode_campaign, request.body)
        key = idempotency_key(request)
        digest = hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()
        if earlier := _earlier(request, key, digest):
            return _repeated(earlier)
        try:
            with transaction.atomic():
                campaign = _made(request, body, idempotency_key=key, request_digest=digest)
        except IntegrityError:  # the same request at the same moment
            if earlier := _earlier(request, key, digest):
                return _repeated(earlier)
            raise
        return Response(whole(_found(request, campaign.pk)), status=201)


class OneCampaign(CampaignEndpoint):
    scopes = {"GET": READ, "PATCH": Scope.CAMPAIGNS}

    def get(self, request: Request, pk: int) -> Response:
        return Response(whole(_found(request, pk)))

    def patch(self, request: Request, pk: int) -> Response:
        """While it may be written; what was found about its audience holds no more. The same again
        changes nothing."""
        body = decoded(decode_changes, request.body)
        _own(request, pk)
        allowance = key_of(request).allowance
        with transaction.atomic():
            states.change(pk, name_of(request), lambda row: values_of(body, row, allowance))
            campaign = _joined().get(pk=pk)
            if campaign.audience != Audience.UPLOAD:
                transaction.on_commit(lambda: files.delete(pk))
        return Response(whole(campaign))


class Rows(CampaignEndpoint):
    """The audience: NDJSON or CSV of any length, in constant memory; it replaces an earlier one."""

    scopes = {"PUT": Scope.CAMPAIGNS}
    max_body = "API_MAX_STREAM_BYTES"
    is_stream = True

    def put(self, request: Request, pk: int) -> Response:
        campaign = _own(request, pk)
        keep_rows(request, campaign, name_of(request))
        return Response(whole(_own(request, pk)))


class Action(CampaignEndpoint):
    """POST /campaigns/{id}/{action}: 200 with the campaign as it is then; 409 if not now."""

    act: Callable[[Request, Campaign, str], object]
    scopes = {"POST": Scope.CAMPAIGNS}

    def post(self, request: Request, pk: int) -> Response:
        campaign = (_found if self.scopes["POST"] == Scope.APPROVE else _own)(request, pk)
        with transaction.atomic():
            self.act(request, campaign, name_of(request))
        # As it is now: who approved it sees it no longer.
        return Response(whole(_joined().get(pk=pk)))


class Check(Action):
    def act(self, _request: Request, campaign: Campaign, by: str) -> None:
        states.check(campaign.pk, by)


class Launch(Action):
    """Its people count against the key's limits."""

    def act(self, request: Request, campaign: Campaign, by: str) -> None:
        seen = decoded(decode_decision, request.body).checked_at
        states.launch(campaign.pk, by, seen)
        self.spend(request, campaign.ready)


class Approve(Action):
    scopes = {"POST": Scope.APPROVE}

    def act(self, request: Request, campaign: Campaign, by: str) -> None:
        states.approve(campaign.pk, by, decoded(decode_decision, request.body).checked_at)


class Withdraw(Action):
    def act(self, _request: Request, campaign: Campaign, by: str) -> None:
        states.withdraw(campaign.pk, by)


class Pause(Action):
    def act(self, _request: Request, campaign: Campaign, by: str) -> None:
        states.pause_by(campaign.pk, by)


class Resume(Action):
    def act(self, _request: Request, campaign: Campaign, _by: str) -> None:
        states.resume(campaign.pk)


class Cancel(Action):
    def act(self, _request: Request, campaign: Campaign, by: str) -> None:
        states.cancel(campaign.pk, by)


class Replay(CampaignEndpoint):
    """A draft for those whom this one surely did not reach, and whose result is asked for."""

    scopes = {"POST": Scope.CAMPAIGNS}

    def post(self, request: Request, pk: int) -> Response:
        body = decoded(decode_replay, request.body)
        chosen = Q(state__in=body.status) if body.status else Q()
        if body.errcode:
            chosen &= Q(errcode__in=body.errcode)
        child = make_replay(_own(request, pk), chosen, name_of(request), **body.columns())
        return Response(whole(_own(request, child.pk)), status=201)


class Results(CampaignEndpoint):
    """NDJSON: a line for each person of the audience, in the order of sending."""

    scopes = {"GET": Scope.CAMPAIGNS}

    def get(self, request: Request, pk: int) -> HttpResponseBase:
        campaign = _own(request, pk)
        if campaign.audience_deleted_at:
            return _gone()
        return StreamingHttpResponse(_results(campaign.pk), content_type=NDJSON)


def _gone() -> HttpResponse:
    return problem(
        410,
        "audience-deleted",
        "The campaign's audience is no longer kept.",
        "Who was in it was deleted, as messages are, after MESSAGE_KEEP_DAYS. The counts stay: "
        "GET /api/v1/campaigns/{id}.",
    )


def _results(pk: int) -> Iterator[bytes]:
    rows = CampaignRow.objects.filter(campaign=pk).select_related("recipient").order_by("pk")
    last = 0
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        last = chunk[-1].pk
        made = [row.message_id for row in chunk if row.message_id]
        messages = Message.objects.only("state", "errcode").in_bulk(made)
        lines = [result(row, messages.get(row.message_id)) for row in chunk]
        yield b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def _made(request: Request, body: CampaignBody, **values: Any) -> Campaign:
    """Raises Rejected, InvalidRequest."""
    allowance = key_of(request).allowance
    priority = Priority[body.priority.upper()]
    template = sendable_or_reject(body.template, priority, allowance)
    by = name_of(request)
    return Campaign.objects.create(
        account_id=template.account_id,
        version_id=template.version_id or 0,
        data=body.data,
        priority=priority,
        client=client_of(request),
        created_by=by,
        editors=[by],
        **body.columns(),
        **body.chosen(template.account_id),
        **values,
    )


def _earlier(request: Request, key: str | None, digest: str) -> Campaign | None:
    """Raises KeyReused."""
    if key is None:
        return None
    found = _joined().filter(client=client_of(request), idempotency_key=key).first()
    if found and found.request_digest != digest:
        raise KeyReused
    return found


def _repeated(campaign: Campaign) -> Response:
    return Response(whole(campaign), status=201, headers={"Idempotent-Replayed": "true"})


def name_of(request: Request) -> str:
    """As it stands among user names: a client approves nothing of its own."""
    return f"API: {client_of(request).name}"[:150]


def _joined() -> QuerySet[Campaign]:
    """With all that an answer reads."""
    rows = Campaign.objects.select_related(
        "account", "version__template", "segment", "group", "tag"
    )
    return rows.defer("account__app_secret")


def _seen(request: Request) -> QuerySet[Campaign]:
    """The client's own, as far as the key reaches; for who approves, what waits for approval."""
    key = key_of(request)
    mine = Q(client=client_of(request)) if Scope.CAMPAIGNS in key.scopes else Q()
    if Scope.APPROVE in key.scopes:
        mine |= Q(state=CampaignState.SUBMITTED)
    rows = _joined().filter(mine)
    return reached(key, rows, "account", "version__template")


def _found(request: Request, pk: int) -> Campaign:
    """Raises Http404."""
    campaign = _seen(request).filter(pk=pk).first()
    if campaign is None:
        raise Http404
    return campaign


def _own(request: Request, pk: int) -> Campaign:
    """The client's own. Raises Http404."""
    campaign = _seen(request).filter(pk=pk, client=client_of(request)).first()
    if campaign is None:
        raise Http404
    return campaign


ACTIONS: dict[str, type[Action]] = {
    "check": Check,
    "launch": Launch,
    "approve": Approve,
    "withdraw": Withdraw,
    "pause": Pause,
    "resume": Resume,
    "cancel": Cancel,
}
