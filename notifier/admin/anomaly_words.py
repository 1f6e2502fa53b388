"""What the pages of anomalies show: forecasts of the accounts, and how one was judged."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from redis import RedisError

from notifier.anomalies.forecast import Queue, Quota, queues, quotas
from notifier.anomalies.grouping import ACCOUNT
from notifier.anomalies.judgement import RULES, joined
from notifier.anomalies.words import age, clock, in_words, name_of, number, unit_of
from notifier.models import Anomaly, AnomalyState, Measure, MeasuredWindow
from notifier.models.anomalies import Ending
from notifier.wechat.errors import lookup
from templates_app.access import limited
from templates_app.models import MessageTemplate, OfficialAccount

SHOWN = 24
"""Windows of a page: of five minutes, two hours."""
LONG = 60
"""Seconds that something waits before it is said that it does not shrink."""
AHEAD = 6
"""Of these so many from before it began."""
RUNBOOK = "anomaly"
NOT_OVER: dict[str, str] = {
    Ending.NOT_JUDGED: gettext_noop("no longer judged"),
    Ending.TAKEN_IN: gettext_noop("part of the account's"),
}
COLOURS = ("danger", "warning", "success", "info")


@dataclass(frozen=True, slots=True)
class Row:
    account: OfficialAccount
    quota: str
    queue: str


def forecasts(request: HttpRequest) -> list[Row]:
    now = timezone.now()
    active = OfficialAccount.objects.filter(is_active=True).defer("app_secret").order_by("name")
    accounts = list(limited(active, request.user))
    waiting, left = queues(accounts, now), dict[int, Quota]()
    with suppress(RedisError):
        left = quotas(accounts, now)
    return [Row(one, _quota(one, left.get(one.pk)), _queue(waiting[one.pk])) for one in accounts]


def _quota(account: OfficialAccount, quota: Quota | None) -> str:
    if quota is None:
        not_counted = gettext("The quota is not counted.")
        return gettext("The quota is not known now.") if account.daily_quota else not_counted
    told = {
        "used": number(quota.used),
        "allowed": number(quota.allowed),
        "per_hour": number(quota.per_hour),
    }
    used = gettext("%(used)s of %(allowed)s messages of today, %(per_hour)s in the last hour.")
    if quota.ends_at is None:
        then = gettext("With what is known to come, the quota lasts until the reset.")
    elif quota.used >= quota.allowed:
        then = gettext("It is used up.")
    else:
        text = gettext("With what is known to come, it is used up at %(at)s.")
        then = text % {"at": clock(quota.ends_at)}
    return _sentences(used % told, then)


def _queue(queue: Queue) -> str:
    if not queue.waiting:
        return gettext("Nothing waits.")
    waits = gettext("%(count)s due messages wait, the first for %(age)s.") % {
        "count": number(queue.waiting) + "+" * queue.is_more,
        "age": age(queue.age),
    }
    if queue.empty_at is not None:
        then = gettext("As it goes, none waits at %(at)s.") % {"at": clock(queue.empty_at)}
        return _sentences(waits, then)
    if queue.age < LONG or queue.shrinks:
        return waits
    return _sentences(waits, gettext("It does not shrink."))


def _sentences(first: str, second: str) -> str:
    return gettext("%(first)s %(second)s") % {"first": first, "second": second}


def stands(row: Anomaly) -> tuple[str, str]:
    """(colour, state in words)"""
    if row.ended_because in NOT_OVER:
        return "info", gettext(NOT_OVER[row.ended_because])
    if row.state == AnomalyState.ENDED:
        return "success", row.get_state_display()
    if row.is_silenced:
        return "warning", gettext("open, silenced")
    return "danger", row.get_state_display()


def page_of(row: Anomaly) -> dict[str, Any]:
    colour, state = stands(row)
    return {
        "anomaly": row,
        "colour": colour,
        "state": state,
        "name": name_of(row),
        "words": in_words(row),
        "worst": unit_of(row.measure)(row.worst) if row.measure in RULES else "",
        "limit": unit_of(row.measure)(row.limit) if row.limit is not None else "",
        "codes": [(int(code), n, gettext(lookup(int(code)).meaning)) for code, n in _codes(row)],
        "named": MessageTemplate.objects.filter(pk__in=row.templates).order_by("name"),
        "windows": list(_windows(row)),
        "log": f"{reverse('admin:notifier_message_changelist')}?{urlencode(_log(row))}",
        "runbook": RUNBOOK,
    }


def _log(row: Anomaly) -> dict[str, Any]:
    """Filters of the message log, whose newest come first: accepted until it ended. Not *from* when
    it began: what is tried then can have waited for days."""
    filters: dict[str, Any] = {"account__id__exact": row.account_id}
    if row.template:
        filters["template"] = row.template.code
    if row.ended_at:
        day, time = f"{timezone.localtime(row.ended_at):%Y-%m-%d %H:%M:%S}".split()
        filters |= {"created_at_to_0": day, "created_at_to_1": time}
    return filters


def _codes(row: Anomaly) -> list[tuple[str, int]]:
    return list(row.facts.get("errcodes", {}).items())


def _windows(row: Anomaly) -> Iterator[dict[str, Any]]:
    """The newest first: value, messages, and whether it lies above the limit."""
    rule = RULES.get(Measure(row.measure))
    if rule is None:
        return
    width = timedelta(seconds=settings.ANOMALY_WINDOW_SECONDS or 300)
    ends = (row.ended_at or row.seen_at) + AHEAD * width
    rows = MeasuredWindow.objects.filter(
        account_id=row.account_id,
        template_id=row.template_id or ACCOUNT,
        begins__gte=max(row.begun_at - AHEAD * width, ends - 10 * SHOWN * width),
        begins__lt=ends,
    )
    unit = unit_of(row.measure)
    for one in rows.order_by("-begins")[:SHOWN]:
        if sample := joined(rule, [one]):
            yield {
                "begins": one.begins,
                "value": unit(sample.value),
                "count": sample.count,
                "is_above": row.limit is not None and sample.value > row.limit,
            }
