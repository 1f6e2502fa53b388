"""Our templates against WeChat's."""

from django.utils.translation import gettext

from notifier.doctor.patient import Patient
from notifier.doctor.results import Result, bad, ok, skipped, warn
from notifier.wechat.errors import Refused, WeChatError, lookup
from notifier.wechat.tokens import TokenRefused
from templates_app.admin.reasons import ERRCODE, reason_in_words
from templates_app.sync import CHANGED, GONE, keys

MOST = 25
"""Templates an account can have (official page Template_Message_Interface)."""
NEARLY = 23


def templates(patient: Patient) -> Result:
    """What is held is known here, whatever WeChat says."""
    held = _held(patient)
    try:
        listed = {one["template_id"]: one.get("content", "") for one in patient.listed}
    except WeChatError as error:
        if held:
            return _unsendable(held, {})
        if isinstance(error, Refused) and not isinstance(error, TokenRefused):
            return skipped(gettext("WeChat does not list them: see “Permission”."))
        raise
    drifted = _drifted(patient, listed)
    if held or drifted:
        return _unsendable(held, drifted)
    has = {"count": len(listed), "most": MOST}
    if len(listed) >= NEARLY:
        text = gettext("%(count)d of at most %(most)d templates are used at WeChat.")
        return warn(text % has, gettext("Delete at WeChat those that nobody sends any more."))
    return ok(
        gettext("All published ones are at WeChat, with the same fields (%(count)d of %(most)d).")
        % has
    )


def _unsendable(held: dict[str, str], drifted: dict[str, str]) -> Result:
    """By code, why; what is held and has drifted says both."""
    mend = gettext(
        "Sync templates on the account's page, then make a version with the template that "
        "WeChat has now, and publish it."
    )
    release = gettext(
        "Mend what a held template is held for, then press “Release” on its page: its messages "
        "wait until then."
    )
    text = gettext("%(count)d published templates cannot be sent.")
    fixes = [fix for fix, found in ((mend, drifted), (release, held)) if found]
    lines = [f"{code}: {why}" for one in (drifted, held) for code, why in sorted(one.items())]
    return bad(text % {"count": len(held | drifted)}, " ".join(fixes), *lines)


def _held(patient: Patient) -> dict[str, str]:
    held = patient.account.templates.exclude(held_since=None)
    text = gettext("held, because: %(why)s")
    return {
        code: text % {"why": _why(because)}
        for code, because in held.values_list("code", "held_because")
    }


def _why(because: str) -> str:
    """With what to do about the errcode, where it is one."""
    reason, code = reason_in_words(because), ERRCODE.search(because)
    return f"{reason} — {gettext(lookup(int(code[1])).fix)}" if code else reason


def _drifted(patient: Patient, listed: dict[str, str]) -> dict[str, str]:
    published = patient.account.templates.exclude(published=None).select_related("published")
    found = {}
    for template in published:
        version = template.published
        if version is None:
            continue
        content = listed.get(version.wechat_template_id)
        if content is None:
            found[template.code] = reason_in_words(GONE)
        elif keys(content) != keys(version.content):
            found[template.code] = reason_in_words(CHANGED)
    return found
