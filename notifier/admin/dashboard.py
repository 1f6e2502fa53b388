"""The first page: is it well, and if not, where?"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_noop

from notifier.admin import figures
from notifier.admin.sending import account_states, held_templates
from notifier.models import MessageCount, State
from notifier.models.counts import ACCEPTED
from notifier.observability.standing import standing
from notifier.wechat.errors import lookup
from templates_app.access import limited
from templates_app.models import OfficialAccount

TILES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (gettext_noop("messages accepted"), "", (ACCEPTED,)),
    (gettext_noop("sent"), "primary", (State.SENT,)),
    (gettext_noop("delivered"), "success", (State.DELIVERED,)),
    (gettext_noop("not delivered"), "warning", (State.UNDELIVERED,)),
    (gettext_noop("failed"), "danger", (State.FAILED,)),
    (gettext_noop("expired or unknown"), "danger", (State.EXPIRED, State.UNKNOWN)),
)
"""(title, colour, the states that are added up)"""
LINES = (
    (gettext_noop("sent"), "#16a34a", (State.SENT,)),
    (gettext_noop("not delivered"), "#f59e0b", (State.UNDELIVERED,)),
    (gettext_noop("failed"), "#dc2626", (State.FAILED, State.EXPIRED, State.UNKNOWN)),
)
ERRCODES_SHOWN = 8
TEMPLATES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Tile:
    title: str
    colour: str
    count: int
    before: int
    """At this time of the day before."""
    link: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback. Who may not see messages sees none of it."""
    if not request.user.has_perm("notifier.view_message"):
        return context
    now = timezone.now()
    today = figures.midnight(now)
    counts = limited(MessageCount.objects.all(), request.user)
    accounts = limited(OfficialAccount.objects.all(), request.user)
    found = figures.figures(counts, today, now)
    day = timedelta(days=1)
    states = account_states(accounts, now)
    held = held_templates(request)
    troubles = standing(now).troubles
    return context | {
        "title": gettext("Overview"),
        "tiles": _tiles(found, figures.figures(counts, today - day, now - day)),
        "today": found,
        "errcodes": [
            (code, gettext(lookup(code).meaning), count, log_link(errcode=code, when="today"))
            for code, count in found.errcodes.most_common(ERRCODES_SHOWN)
        ],
        "templates": [
            (one, log_link(template=one.template.code, when="today"))
            for one in figures.by_template(counts, today, now)[:TEMPLATES_SHOWN]
        ],
        "accounts": states,
        "held": held,
        "troubles": troubles,
        "is_well": not (held or troubles) and all(one.colour in ("", "success") for one in states),
        "queues": figures.queues(accounts, now),
        "hours": _chart("H:i", figures.by_hour(counts, now).items()),
        "days": _chart("m-d", figures.by_day(counts, now).items()),
        "chart_options": OPTIONS,
    }


def log_link(**filters: object) -> str:
    return f"{reverse('admin:notifier_message_changelist')}?{urlencode(filters)}"


def _tiles(today: figures.Figures, before: figures.Figures) -> Iterable[Tile]:
    for title, colour, states in TILES:
        filters = {"when": "today"}
        if states != (ACCEPTED,):
            filters["state__exact"] = states[0]
        yield Tile(
            gettext(title),
            colour,
            sum(today.states[one] for one in states),
            sum(before.states[one] for one in states),
            log_link(**filters),
        )


def _chart(form: str, points: Iterable[tuple[date, Counter[str]]]) -> str:
    """Chart.js' data. `form`: of the moments, as Django's date filter has it."""
    named = [(date_format(at, form), of) for at, of in points]
    return orjson.dumps(
        {
            "labels": [label for label, _ in named],
            "datasets": [
                {
                    "label": gettext(title),
                    "backgroundColor": colour,
                    "data": [sum(of[one] for one in states) for _, of in named],
                }
                for title, colour, states in LINES
            ],
        }
    ).decode()


OPTIONS = orjson.dumps(
    {
        "maintainAspectRatio": False,
        "animation": False,
        "scales": {
            "x": {"stacked": True, "grid": {"display": False}},
            "y": {"stacked": True, "beginAtZero": True, "ticks": {"precision": 0}},
        },
        "plugins": {"legend": {"display": True, "position": "bottom"}},
    }
).decode()
