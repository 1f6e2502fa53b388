"""How the sending goes: the platform itself, then account by account. What holds it up, since when,
and what to do."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from redis import RedisError

from notifier.audit.record import record
from notifier.dispatch import gate
from notifier.dispatch.clock import Waiting, waiting
from notifier.dispatch.gate import Condition
from notifier.dispatch.lanes import Lane
from notifier.dispatch.mended import try_now
from notifier.models import Action, Priority
from notifier.observability.standing import (
    last_successes,
    standing,
)
from templates_app.access import limited
from templates_app.admin.reasons import fix_of, reason_in_words
from templates_app.models import MessageTemplate, OfficialAccount

_REDIS_IS_AWAY = gettext_noop("Redis does not answer: nothing is sent until it is back.")


PARTS = {"database": _("database"), "migrations": _("migrations"), "redis": "Redis"}
URGENCY = ("danger", "warning", "success", "")
"""Which colours come first."""


@dataclass(frozen=True, slots=True)
class AccountState:
    account: OfficialAccount
    condition: Condition
    colour: str
    title: str
    to_do: str

    @property
    def cause(self) -> str:
        return reason_in_words(self.condition.cause)


def sending(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("notifier.view_message"):
        raise PermissionDenied
    may_mend = request.user.has_perm("templates_app.change_officialaccount")
    if request.method == "POST":
        if not may_mend:
            raise PermissionDenied
        _try_now(request)
        return redirect("admin:sending")
    now = timezone.now()
    accounts = account_states(_accounts(request), now)
    lanes = waiting(now)
    last = last_successes([one.account.pk for one in accounts], now)
    found = standing(now)
    context = {
        **admin.site.each_context(request),
        "title": _("Sending"),
        "platform": found,
        "parts": [(PARTS[name], word, word == "ok") for name, word in found.checks.items()],
        "clock_runs": found.clock_runs(now),
        "workers": [(one, one.is_silent(now)) for one in found.workers],
        "accounts": [
            (one, _lanes(one.account, lanes, now), last[one.account.pk]) for one in accounts
        ],
        "held": held_templates(request),
        "may_mend": may_mend,
    }
    return render(request, "notifier/sending.html", context)


def _lanes(
    account: OfficialAccount, lanes: dict[Lane, Waiting], now: datetime
) -> list[tuple[Priority, Waiting, timedelta]]:
    """Those with due messages, and how long the first of them is due."""
    found = [(one, lanes.get(Lane(account.pk, one))) for one in Priority]
    return [(priority, one, now - one.since) for priority, one in found if one]


def _try_now(request: HttpRequest) -> None:
    accounts = {str(one.pk): one for one in _accounts(request)}
    account = accounts.get(request.POST.get("account", ""))
    if account is None:
        messages.error(request, gettext("There is no such account."))
        return
    try:
        try_now(account)
    except RedisError:
        messages.error(request, gettext(_REDIS_IS_AWAY))
    else:
        record(
            Action.TRY_NOW,
            object_type=account._meta.label_lower,
            object_id=account.pk,
            object_name=str(account),
        )
        messages.info(request, gettext("The next message is tried now."))


def trouble(request: HttpRequest) -> int | str:
    """The badge of the menu: how many accounts and templates need somebody."""
    with suppress(RedisError):
        active = _accounts(request).filter(is_active=True)
        found = gate.conditions(active, timezone.now())
        return sum(one.open_since is not None for one in found) + len(held_templates(request))
    return "!"


def held_templates(request: HttpRequest) -> list[tuple[MessageTemplate, str]]:
    """With the reason, in the reader's language."""
    held = limited(MessageTemplate.objects.exclude(held_since=None), request.user)
    return [(one, reason_in_words(one.held_because)) for one in held]


def _accounts(request: HttpRequest) -> QuerySet[OfficialAccount]:
    return limited(OfficialAccount.objects.defer("app_secret"), request.user)


def account_states(rows: QuerySet[OfficialAccount], now: datetime) -> list[AccountState]:
    accounts = rows.defer("app_secret").order_by("name")
    try:
        found = map(_state, accounts, gate.conditions(accounts, now))
        return sorted(found, key=lambda one: URGENCY.index(one.colour))
    except RedisError:
        text = gettext(_REDIS_IS_AWAY)
        return [AccountState(one, Condition(), "danger", text, "") for one in accounts]


def _state(account: OfficialAccount, condition: Condition) -> AccountState:
    if not account.is_active:
        return AccountState(account, condition, "", gettext("Switched off"), "")
    if condition.open_since:
        return AccountState(
            account, condition, "danger", gettext("It cannot send"), fix_of(condition.cause)
        )
    if condition.parked_until:
        text = gettext("WeChat's quota of today is used up")
        to_do = gettext("Nothing to do: normal and bulk messages go on after midnight, China time.")
        return AccountState(account, condition, "warning", text, to_do)
    if condition.per_second or condition.paused_until:
        text = gettext("WeChat wants it slower")
        to_do = gettext("Nothing to do: it grows faster by itself, step by step.")
        return AccountState(account, condition, "warning", text, to_do)
    return AccountState(account, condition, "success", gettext("It sends"), "")
