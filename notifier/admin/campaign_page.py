"""What a campaign's page shows besides its form, and its buttons."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifier.admin.campaign_words import COLOURS, NEXT, problem_in_words
from notifier.campaigns import states
from notifier.campaigns.files import files
from notifier.campaigns.forecast import forecast
from notifier.models import Audience, Campaign, CampaignRow, CampaignState, State
from notifier.models.campaigns import EDITABLE, FEEDING
from notifier.recipients.imports.problems import in_words
from templates_app.access import limited
from templates_app.card import Card, card_of
from templates_app.compiled import published

S = CampaignState
RUN, APPROVE = "notifier.run_campaign", "notifier.approve_campaign"


@dataclass(frozen=True, slots=True)
class Button:
    """`asks`: a page says in numbers what will happen, before it does."""

    title: Any
    act: Callable[..., object]
    """Of the campaign's pk and the user name; with `decides` also of `checked_at`."""
    states: tuple[CampaignState, ...]
    permissions: tuple[str, ...]
    """One of them is enough."""
    style: str = "hy-quiet"
    asks: bool = False
    decides: bool = False
    """On what the check has found, as it stood on the page that asks."""


BUTTONS: dict[str, Button] = {
    "launch": Button(
        _("Send it"), states.launch, (S.CHECKED,), (RUN,), "hy-button", asks=True, decides=True
    ),
    "approve": Button(
        _("Approve"),
        states.approve,
        (S.SUBMITTED,),
        (APPROVE,),
        "hy-button",
        asks=True,
        decides=True,
    ),
    "resume": Button(
        _("Let it go on"),
        lambda pk, _by: states.resume(pk),
        (S.PAUSED,),
        (RUN,),
        "hy-button",
        asks=True,
    ),
    "pause": Button(_("Pause"), states.pause_by, FEEDING, (RUN, APPROVE), "hy-button"),
    "check": Button(_("Check again"), states.check, (S.CHECKED,), ("notifier.change_campaign",)),
    "withdraw": Button(_("Send back"), states.withdraw, (S.SUBMITTED, S.SCHEDULED), (RUN, APPROVE)),
    "cancel": Button(
        _("Cancel the campaign"),
        states.cancel,
        (S.DRAFT, S.CHECKING, S.CHECKED, S.SUBMITTED, S.SCHEDULED, *FEEDING, S.PAUSED),
        (RUN,),
        asks=True,
    ),
}


def may(request: HttpRequest, button: Button) -> bool:
    return any(request.user.has_perm(one) for one in button.permissions)


def page(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    state = CampaignState(campaign.state)
    return {
        "campaign": campaign,
        "colour": COLOURS[state],
        "cause": in_words(*campaign.reason) if campaign.reason else "",
        "what_now": gettext(NEXT[state]),
        "buttons": [
            (name, button)
            for name, button in BUTTONS.items()
            if state in button.states and may(request, button)
        ],
        "is_live": is_live(campaign),
        "is_checked": bool(campaign.checked_at) and state not in (S.DRAFT, S.CHECKING),
        "is_begun": campaign.started_at is not None,
        "problems": problems(campaign),
        "has_errors_file": campaign.audience == Audience.UPLOAD
        and bool(campaign.problems)
        and files.errors(campaign.pk).exists(),
        "cards": cards(campaign) if state != S.CHECKING else [],
        "facts": facts(campaign),
        "forecast": forecast(campaign, timezone.now()),
        "results": results(request, campaign),
        "answered": _answered(campaign),
        "needs_approval": state in EDITABLE and states.needs_approval(campaign),
    }


def is_live(campaign: Campaign) -> bool:
    """It moves by itself: the page asks again."""
    return campaign.is_at_work or campaign.state == CampaignState.SCHEDULED


def problems(campaign: Campaign) -> list[tuple[str, int]]:
    found = sorted(campaign.problems.items(), key=lambda item: -item[1])
    return [(problem_in_words(code), count) for code, count in found]


def cards(campaign: Campaign) -> list[tuple[int | None, Card]]:
    """(row of the file, card): of the rows that fill the fields most; before they are known, what
    everybody would get."""
    rows = rows_with_cards(campaign)
    own: dict[int | None, Any] = {row.number: row.data for row in rows if row.data}
    version, render = campaign.version, published(campaign.version_id).render
    return [
        (number, card_of(version, render({**campaign.data, **data}).data, version.url))
        for number, data in (own or {None: {}}).items()
    ]


def rows_with_cards(campaign: Campaign) -> list[CampaignRow]:
    return list(campaign.rows.filter(pk__in=campaign.longest).order_by("pk"))


def facts(campaign: Campaign) -> list[tuple[Any, Any]]:
    audience = {
        Audience.SEGMENT: campaign.segment,
        Audience.GROUP: campaign.group,
        Audience.TAG: campaign.tag,
        Audience.UPLOAD: campaign.upload_name,
    }[Audience(campaign.audience)]
    limits = (campaign.most_failed, campaign.most_refused, campaign.most_blocked)
    failed, refused, blocked = (f"{one.normalize():f}" for one in limits)
    trial = gettext("%(percent)d %%, %(minutes)d minutes for the receipts")
    stops = gettext("%(failed)s %% failed, %(refused)s %% refused or %(blocked)s %% blocked")
    return [
        *([(_("Replay of"), campaign.replay_of)] if campaign.replay_of else []),
        (_("Template"), campaign.version),
        (_("Audience"), f"{campaign.get_audience_display()}: {audience or '–'}"),
        (_("Begins"), begins_in_words(campaign)),
        (_("Pace"), _pace(campaign)),
        (_("Priority"), campaign.get_priority_display()),
        (
            _("Trial"),
            trial % {"percent": campaign.canary_percent, "minutes": campaign.canary_minutes}
            if campaign.canary_percent
            else gettext("none"),
        ),
        (_("Pauses above"), stops % {"failed": failed, "refused": refused, "blocked": blocked}),
        (_("Written by"), ", ".join(campaign.editors)),
        (_("Approved by"), campaign.approved_by or "–"),
        *_deleted(campaign),
    ]


def _deleted(campaign: Campaign) -> list[tuple[Any, Any]]:
    if not campaign.audience_deleted_at:
        return []
    at = date_format(timezone.localtime(campaign.audience_deleted_at), "Y-m-d")
    text = gettext("deleted on %(date)s; the counts stay") % {"date": at}
    return [(_("Who was in the audience"), text)]


def begins_in_words(campaign: Campaign) -> str:
    if campaign.send_at is None:
        return gettext("at once")
    shown = campaign.send_at.astimezone(ZoneInfo(campaign.zone))
    return f"{shown:%Y-%m-%d %H:%M} ({campaign.zone})"


def _pace(campaign: Campaign) -> str:
    if campaign.pace:
        pace = number_format(campaign.pace, force_grouping=True)
        return gettext("%(count)s a second") % {"count": pace}
    return gettext("as fast as the account may send")


def results(request: HttpRequest, campaign: Campaign) -> list[tuple[Any, int, str]]:
    """(state in words, messages, the log's address); for those who may see the log."""
    log = reverse("admin:notifier_message_changelist")
    may_look = request.user.has_perm("notifier.view_message")
    return [
        (
            State(state).label,
            count,
            f"{log}?campaign={campaign.pk}&state__exact={state}" if may_look else "",
        )
        for state in State.values
        if (count := campaign.figures.get(state, 0))
    ]


def _answered(campaign: Campaign) -> int:
    waits = (State.QUEUED, State.SENDING)
    return sum(count for state, count in campaign.figures.items() if state not in waits)


def campaigns_for_somebody(request: HttpRequest) -> int:
    """For the sidebar: those that wait for a decision of whoever looks."""
    wants = {RUN: S.PAUSED, APPROVE: S.SUBMITTED}
    mine = [state for permission, state in wants.items() if request.user.has_perm(permission)]
    waiting = Campaign.objects.filter(state__in=mine)
    return limited(waiting, request.user).count()
