"""Our templates against WeChat's."""

from collections.abc import Iterator

from django.utils.translation import gettext

from notifier.doctor.patient import Patient
from notifier.doctor.results import Result, bad, ok, skipped, warn
from notifier.wechat.errors import Refused
from notifier.wechat.tokens import TokenRefused
from templates_app.admin.reasons import reason_in_words
from templates_app.sync import CHANGED, GONE, keys

MOST = 25
"""Templates an account can have (official page Template_Message_Interface)."""
NEARLY = 23


def templates(patient: Patient) -> Result:
    try:
        listed = {one["template_id"]: one.get("content", "") for one in patient.listed}
    except TokenRefused:
        raise
    except Refused:
        return skipped(gettext("WeChat does not list them: see “Permission”."))
    if wrong := list(_wrong(patient, listed)):
        fix = gettext(
            "Sync templates on the account's page, then make a version with the template that "
            "WeChat has now, and publish it."
        )
        text = gettext("%(count)d published templates cannot be sent.") % {"count": len(wrong)}
        return bad(text, fix, *wrong)
    has = {"count": len(listed), "most": MOST}
    if len(listed) >= NEARLY:
        text = gettext("%(count)d of at most %(most)d templates are used at WeChat.")
        return warn(text % has, gettext("Delete at WeChat those that nobody sends any more."))
    return ok(
        gettext("All published ones are at WeChat, with the same fields (%(count)d of %(most)d).")
        % has
    )


def _wrong(patient: Patient, listed: dict[str, str]) -> Iterator[str]:
    published = patient.account.templates.exclude(published=None).order_by("code")
    for template in published.select_related("published"):
        version = template.published
        if version is None:
            continue
        content = listed.get(version.wechat_template_id)
        if content is None:
            yield f"{template.code}: {reason_in_words(GONE)}"
        elif keys(content) != keys(version.content):
            yield f"{template.code}: {reason_in_words(CHANGED)}"
