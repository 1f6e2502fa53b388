"""Can we get in? Addresses, IP list, secret, token, permission."""

from datetime import UTC, datetime
from typing import cast

from django.core.cache import cache
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext

from notifier.doctor.patient import Patient
from notifier.doctor.results import Result, bad, doubtful, ok, refused, skipped, warn
from notifier.wechat.errors import (
    Kind,
    Refused,
    lookup,
    lookup_token_call,
    refused_ip,
    token_error_kind,
)
from notifier.wechat.probe import Probe
from notifier.wechat.tokens import TokenCache, TokenRefused, fetches
from templates_app.admin.reasons import reason_in_words

IP_CODES = frozenset({40164, 61004, 89501, 89503, 89506, 89507})
"""The caller's address is not in the list, or waits for the owner's consent."""
QUOTA = 45009


def addresses(patient: Patient) -> Result:
    usual, *backups = patient.probes
    details = [_phases(one) for one in patient.probes]
    fix = gettext(
        "Check the API address on the account's page, and that DNS, firewall and proxy let this "
        "server reach it (manage.py wechat_probe measures each step)."
    )
    if usual.problem:
        text = gettext("%(address)s does not answer.") % {"address": usual.address}
        return bad(text, fix, *details)
    if any(one.problem for one in backups):
        return warn(gettext("A backup address does not answer."), fix, *details)
    return ok(gettext("WeChat answers."), *details)


def _phases(one: Probe) -> str:
    """https://… — DNS 2 ms, TCP 8 ms, TLS 20 ms, first byte 31 ms"""
    names = {"dns": "DNS", "tcp": "TCP", "tls": "TLS", "wait": gettext("first byte")}
    spent = one.phases.spent()
    steps = [f"{name} {spent[key] * 1000:.0f} ms" for key, name in names.items() if key in spent]
    if one.problem:
        steps.append(_problem(one.problem))
    return f"{one.address} — {', '.join(steps)}"


def _problem(problem: str) -> str:
    if "not WeChat's answer" in problem:
        return gettext("not WeChat's answer: is there a proxy on the way?")
    return reason_in_words(problem)


def ip_list(patient: Patient) -> Result:
    error = patient.token_refusal
    if error is None:
        return ok(gettext("WeChat lets this server in."))
    if error.errcode == QUOTA:
        return skipped(gettext("Not known: WeChat gives no more tokens today."))
    if error.errcode not in IP_CODES:
        return skipped(gettext("Not known before the secret is right."))
    known = lookup_token_call(error.errcode)
    if ip := refused_ip(error.errmsg):
        text = gettext("WeChat sees this server as %(ip)s, which is not in its IP whitelist.")
        to_do = gettext(
            "At WeChat, add %(ip)s to the IP whitelist (IP白名单: Settings and development → Basic "
            "configuration). It takes some 10 minutes."
        )
        return bad(text % {"ip": ip}, to_do % {"ip": ip})
    return refused(error, known)


def secret(patient: Patient) -> Result:
    error = patient.token_refusal
    if error is None:
        return ok(gettext("AppID and AppSecret are right: a token can be had."))
    if error.errcode in IP_CODES:
        return skipped(gettext("Not known before WeChat lets this server in."))
    if error.errcode == QUOTA:
        return skipped(gettext("Not known: WeChat gives no more tokens today."))
    known = lookup_token_call(error.errcode)
    passes = token_error_kind(error.errcode) is Kind.RETRY
    return doubtful(error, known) if passes else refused(error, known)


def token(patient: Patient) -> Result:
    """As it lies in Redis, before another check has replaced a dead one."""
    is_good = patient.ask(lambda client: client.try_shared_token())
    count, at = fetches(cast(TokenCache, cache), patient.account.appid)
    details = []
    if at:
        fetched = timezone.localtime(datetime.fromtimestamp(at, UTC))
        text = gettext("Fetched at %(at)s (%(age)s ago), number %(count)d so far.")
        details = [
            text
            % {
                "at": date_format(fetched, "m-d H:i:s"),
                "age": timesince(fetched, patient.now),
                "count": count,
            }
        ]
    if is_good is None and (patient.token_refusal or not patient.account.is_active):
        return skipped(gettext("There is none."))
    if is_good is None:
        fix = gettext(
            "The next message fetches one. If this stays, the clock does not run: it renews tokens."
        )
        return warn(gettext("There is no shared token."), fix, *details)
    if not is_good:
        fix = gettext(
            "Nothing to do now: the next call replaces it. If it happens again, another program "
            "fetches tokens of this account: let it use the gateway, or choose stable_token."
        )
        return bad(gettext("WeChat refuses the shared token: it is dead."), fix, *details)
    return ok(gettext("WeChat takes the shared token."), *details)


def permission(patient: Patient) -> Result:
    """By a call that needs it and changes nothing."""
    try:
        count = len(patient.listed)
    except TokenRefused:
        raise
    except Refused as error:
        known = lookup(error.errcode)
        return doubtful(error, known) if error.errcode == QUOTA else refused(error, known)
    text = gettext("Template messages are permitted; WeChat lists %(count)d templates.")
    return ok(text % {"count": count})
