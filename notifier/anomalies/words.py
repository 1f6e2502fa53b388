"""An anomaly in plain words: what is seen, of how many messages, and what is usual."""

from collections.abc import Callable
from datetime import datetime

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, gettext_noop

from notifier.models import Anomaly, Basis, Measure
from templates_app.models import MessageTemplate

SEEN: dict[str, str] = {
    Measure.FAILURE: gettext_noop("failures %(value)s of %(count)s attempts"),
    Measure.LATENCY: gettext_noop(
        "WeChat's answers take up to %(value)s (95 of 100 attempts, of %(count)s)"
    ),
    Measure.REFUSAL: gettext_noop("people refuse %(value)s of %(count)s messages"),
    Measure.UNDELIVERED: gettext_noop("WeChat did not deliver %(value)s of %(count)s messages"),
    Measure.RECEIPT_LAG: gettext_noop(
        "receipts take %(value)s in the median, of %(count)s messages"
    ),
    Measure.MISSING: gettext_noop("%(value)s of %(count)s messages have no receipt"),
}
USUAL: dict[str, str] = {
    Basis.WEEK: gettext_noop("usual at this time of the week %(usual)s (median of %(n)s weeks)"),
    Basis.DAY: gettext_noop("usual at this time of the day %(usual)s (median of %(n)s days)"),
    Basis.HOURS: gettext_noop("usual in the last hours %(usual)s (median of %(n)s half hours)"),
}
QUOTA = gettext_noop(
    "%(used)s of the day's %(allowed)s messages are used; with what is known to come, the rest "
    "ends at %(ends)s, before it is reset at %(resets)s"
)
QUEUE = gettext_noop(
    "%(waiting)s messages are due, the first for %(age)s; %(accepted)s a minute are accepted, "
    "%(settled)s are done"
)


def in_words(one: Anomaly) -> str:
    """failures 12 % of 340 attempts, usual at this time of the week 0.4 % (median of 8 weeks)"""
    if one.measure in FORECASTS:
        return FORECASTS[one.measure](one)
    unit = unit_of(one.measure)
    count = number(one.count)
    if one.facts.get("is_sample"):
        count = gettext("a sample of %(count)s") % {"count": count}
    seen = gettext(SEEN[one.measure]) % {"value": unit(one.value), "count": count}
    if one.usual is None or not one.basis:
        return seen
    usual = gettext(USUAL[one.basis]) % {"usual": unit(one.usual), "n": one.points}
    return gettext("%(seen)s, %(usual)s") % {"seen": seen, "usual": usual}


def name_of(one: Anomaly) -> str:
    """Whom it is about: the account, and its templates."""
    rows = MessageTemplate.objects.filter(pk__in=one.concerned).order_by("pk")
    names = ", ".join(row.name for row in rows)
    whom = f"{one.account.name} ({names})" if names else one.account.name
    return f"{whom} · {one.get_measure_display()}"


def unit_of(measure: str) -> Callable[[float], str]:
    return duration if measure in (Measure.LATENCY, Measure.RECEIPT_LAG) else percent


def percent(share: float) -> str:
    shown = share * 100
    places = 0 if shown >= 10 or round(shown, 1) == round(shown) else 1
    return gettext("%(share)s %%") % {"share": number(shown, places)}


def duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return gettext("%(ms)s ms") % {"ms": number(milliseconds)}
    seconds = milliseconds / 1000
    return gettext("%(seconds)s s") % {"seconds": number(seconds, 1 if seconds < 10 else 0)}


def age(seconds: float) -> str:
    if seconds < 120:
        return gettext("%(seconds)s s") % {"seconds": number(seconds)}
    return gettext("%(minutes)s min") % {"minutes": number(seconds / 60)}


def number(value: float, places: int = 0) -> str:
    return str(
        formats.number_format(round(value, places), places, use_l10n=True, force_grouping=True)
    )


def clock(moment: datetime | str | None) -> str:
    if isinstance(moment, str):
        moment = parse_datetime(moment)
    return formats.date_format(timezone.localtime(moment), "m-d H:i") if moment else "–"


def _quota(one: Anomaly) -> str:
    told = one.facts
    return gettext(QUOTA) % {
        "used": number(told["used"]),
        "allowed": number(told["allowed"]),
        "ends": clock(told["ends_at"]),
        "resets": clock(told["resets_at"]),
    }


def _queue(one: Anomaly) -> str:
    told = one.facts
    return gettext(QUEUE) % {
        "waiting": number(told["waiting"]) + "+" * told.get("is_more", False),
        "age": age(told["age"]),
        "accepted": number(told["accepted"]),
        "settled": number(told["settled"]),
    }


FORECASTS: dict[str, Callable[[Anomaly], str]] = {Measure.QUOTA: _quota, Measure.QUEUE: _queue}
