"""May it send now? The clocks, the day's quota, the breaker and the pace."""

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext

from notifier.dispatch.gate import Limits
from notifier.doctor.entry import QUOTA
from notifier.doctor.patient import Patient
from notifier.doctor.results import Result, bad, ok, refused, skipped, warn
from notifier.wechat.errors import WeChatError, lookup_token_call
from templates_app.admin.reasons import fix_of, reason_in_words

SKEW_SECONDS, MUCH_SECONDS = 10, 60
NEARLY = 0.9
"""Of the day's quota."""


def clock(patient: Patient) -> Result:
    """Against the Date of an answer of WeChat's, which has whole seconds."""
    theirs = patient.ask(lambda client: client.date())
    if theirs is None:
        return skipped(gettext("WeChat's answer names no time."))
    seconds = round((patient.time() - datetime.fromtimestamp(theirs, UTC)).total_seconds())
    if abs(seconds) <= SKEW_SECONDS:
        return ok(gettext("This server's clock and WeChat's agree."))
    ahead = gettext("This server's clock is %(seconds)d s ahead of WeChat's.")
    behind = gettext("This server's clock is %(seconds)d s behind WeChat's.")
    text = (ahead if seconds > 0 else behind) % {"seconds": abs(seconds)}
    fix = gettext(
        "Let the server keep its time by NTP (timedatectl set-ntp true): events are put into their "
        "order by WeChat's time, and the quota's day begins at midnight."
    )
    return (bad if abs(seconds) > MUCH_SECONDS else warn)(text, fix)


def quota(patient: Patient) -> Result:
    """Of tokens; then of messages: ours, and WeChat's own count where it tells it."""
    limits, condition = Limits.of(patient.account), patient.condition
    try:
        if (error := patient.token_refusal) and error.errcode == QUOTA:
            return refused(error, lookup_token_call(error.errcode))
        theirs = patient.ask(lambda client: client.send_quota())
    except WeChatError:
        theirs = {}  # what is known here stays true
    ours = {"used": condition.sent_today, "limit": limits.daily, "reserve": limits.reserve}
    text = gettext("%(used)s of %(limit)s sent today; %(reserve)s are kept for urgent ones.")
    details = [text % _grouped(ours)] if limits.daily else []
    if theirs:
        text = gettext("WeChat counts %(used)s of %(daily_limit)s, %(remain)s are left.")
        details.append(text % _grouped(theirs))
    if condition.parked_until or (theirs and theirs["remain"] <= 0):
        fix = gettext(
            "Normal and bulk messages wait for midnight in Shanghai by themselves. If it is too "
            "little each day, WeChat raises it with the number of followers."
        )
        return bad(gettext("The quota of today is used up."), fix, *details)
    if theirs and limits.daily and theirs["daily_limit"] != limits.daily:
        fix = gettext("Enter WeChat's number as “messages a day” on the account's page.")
        return warn(gettext("WeChat's quota is another than ours."), fix, *details)
    most = theirs.get("daily_limit") or limits.daily
    if most and max(condition.sent_today, theirs.get("used", 0)) >= NEARLY * most:
        fix = gettext("Let campaigns wait for tomorrow, so that what is urgent can go.")
        return warn(gettext("The quota of today is nearly used up."), fix, *details)
    return ok(gettext("There is quota left."), *details)


def _grouped(numbers: dict[str, int]) -> dict[str, str]:
    return {name: number_format(one, force_grouping=True) for name, one in numbers.items()}


def breaker(patient: Patient) -> Result:
    condition = patient.condition
    if not patient.account.is_active:
        return skipped(gettext("The account is switched off."))
    if condition.open_since:
        since = date_format(timezone.localtime(condition.open_since), "m-d H:i:s")
        text = gettext("Stopped since %(since)s; messages wait, none is lost.") % {"since": since}
        details = [reason_in_words(condition.cause)] if condition.cause else []
        return bad(text, fix_of(condition.cause), *details)
    if condition.per_second or condition.paused_until:
        fix = gettext("Nothing to do: it grows faster by itself, step by step.")
        return warn(gettext("WeChat wants it slower"), fix)
    return ok(gettext("Messages go as fast as they may."))
