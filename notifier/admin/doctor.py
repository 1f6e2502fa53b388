"""The account doctor: all that can be wrong between an account and WeChat, looked at once, when
somebody presses the button."""

from django.contrib import admin, messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_redis.exceptions import ConnectionInterrupted
from redis import RedisError

from notifier.audit.record import record
from notifier.doctor.examination import Examination, examine
from notifier.doctor.results import Verdict
from notifier.models import Action
from templates_app.access import limited
from templates_app.models import OfficialAccount

LOOKS: dict[Verdict, tuple[str, str, object]] = {
    Verdict.OK: ("success", "✓", _("all right")),
    Verdict.WARN: ("warning", "!", _("look at it")),
    Verdict.BAD: ("danger", "✗", _("wrong")),
    Verdict.SKIPPED: ("skipped", "–", _("not known")),
}
"""Colour, sign, and the word for who sees neither."""
REST_SECONDS = 5
"""Between two examinations of an account: each asks WeChat some ten questions, of a day's quota."""


def account_doctor(request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.has_perm("templates_app.view_officialaccount"):
        raise PermissionDenied
    account = get_object_or_404(limited(OfficialAccount.objects.all(), request.user), pk=pk)
    context = {
        **admin.site.each_context(request),
        "title": _("Account doctor"),
        "account": account,
    }
    if request.method == "POST" and _may_begin(account):
        context |= _shown(examine(account, timezone.now()))
    elif request.method == "POST":
        text = _("This account was examined a moment ago. Try again in %(count)d seconds.")
        messages.warning(request, text % {"count": REST_SECONDS})
    return render(request, "notifier/doctor.html", context)


def _may_begin(account: OfficialAccount) -> bool:
    try:
        return cache.add(f"hongyan:examined:{account.pk}", True, REST_SECONDS)
    except (RedisError, ConnectionInterrupted):  # to be told by the examination
        return True


def _shown(found: Examination) -> dict[str, object]:
    account = found.account
    record(
        Action.EXAMINE,
        object_type=account._meta.label_lower,
        object_id=account.pk,
        object_name=str(account),
        after=found.summary(),
    )
    return {
        "found": found,
        "bad": len(found.named(Verdict.BAD)),
        "doubtful": len(found.named(Verdict.WARN)),
        "rows": [(one, *LOOKS[one.result.verdict]) for one in found.checks],
    }
