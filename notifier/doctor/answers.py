"""Does WeChat take the messages? Its last answers: those that stop an account, a template or the
day have checks of their own."""

from collections import Counter

from django.utils.translation import gettext

from notifier.doctor.patient import FEW, Patient
from notifier.doctor.results import Result, bad, ok, warn
from notifier.wechat.errors import Kind, lookup

OTHERS = frozenset({Kind.REQUEST, Kind.RECIPIENT, Kind.UNKNOWN_CODE})
SOME, MOST = 0.2, 0.5
"""Of the last answers."""


def answers(patient: Patient) -> Result:
    codes = [one.errcode for one in patient.calls]
    refused = Counter(one for one in codes if one and lookup(one).kind in OTHERS)
    said = {"refused": refused.total(), "count": len(codes)}
    if said["refused"] < max(FEW, SOME * len(codes)):
        text = gettext("WeChat took all but %(refused)d of the last %(count)d messages.")
        return ok(text % said)
    code = refused.most_common(1)[0][0]
    known = lookup(code)
    text = gettext(
        "WeChat refused %(refused)d of the last %(count)d messages, most of them with errcode "
        "%(code)d: %(meaning)s"
    )
    text %= {**said, "code": code, "meaning": gettext(known.meaning)}
    return (bad if said["refused"] >= MOST * len(codes) else warn)(text, gettext(known.fix))
