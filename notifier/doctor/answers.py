"""Does WeChat take the messages? Its last answers: those that stop an account, a template or the
day have checks of their own."""

from collections import Counter

from django.utils.translation import gettext

from notifier.doctor.patient import FEW, Patient
from notifier.doctor.results import Result, bad, ok, skipped, warn
from notifier.wechat.errors import Kind, lookup

OTHERS = frozenset({Kind.REQUEST, Kind.RECIPIENT, Kind.UNKNOWN_CODE})
SOME, MOST = 0.2, 0.5
"""Of the last answers."""


def answers(patient: Patient) -> Result:
    codes = [one.errcode for one in patient.calls]
    if not codes:
        return ok(gettext("No answer of the last hour is among the newest events."))
    # Of one that is held `content.templates` says why.
    is_told = patient.account.templates.exclude(held_since=None).exists()
    ours = OTHERS if is_told else OTHERS | {Kind.TEMPLATE}
    refused = Counter(one for one in codes if lookup(one).kind in ours)
    taken = sum(lookup(one).kind is Kind.OK for one in codes)
    said = {"refused": refused.total(), "taken": taken, "count": len(codes)}
    if said["refused"] < SOME * len(codes) or FEW > said["refused"] < MOST * len(codes):
        return _took(said)
    code = refused.most_common(1)[0][0]
    known = lookup(code)
    text = gettext(
        "WeChat refused %(refused)d of the last %(count)d messages, most of them with errcode "
        "%(code)d: %(meaning)s"
    )
    text %= {**said, "code": code, "meaning": gettext(known.meaning)}
    is_bad = said["refused"] >= max(FEW, MOST * len(codes))
    return (bad if is_bad else warn)(text, gettext(known.fix))


def _took(said: dict[str, int]) -> Result:
    if said["taken"] + said["refused"] < MOST * said["count"]:
        text = gettext(
            "WeChat took %(taken)d of the last %(count)d messages; the others were not refused for "
            "what they hold."
        )
        return skipped(text % said)
    return ok(gettext("WeChat took %(taken)d of the last %(count)d messages.") % said)
