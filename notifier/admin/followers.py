"""The follower sync, account by account: what the last pass found, how far a running one is."""

from dataclasses import dataclass

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifier.models import FollowerSync, SyncState
from notifier.recipients.following.job import start
from notifier.wechat.errors import lookup
from templates_app.access import limited
from templates_app.admin.reasons import ERRCODE, reason_in_words
from templates_app.models import OfficialAccount

COLOURS: dict[str, str] = {
    SyncState.RUNNING.value: "info",
    SyncState.DONE.value: "success",
    SyncState.FAILED.value: "danger",
}


@dataclass(frozen=True, slots=True)
class Row:
    account: OfficialAccount
    sync: FollowerSync | None

    @property
    def colour(self) -> str:
        return COLOURS[self.sync.state] if self.sync else ""

    @property
    def cause(self) -> str:
        """What WeChat said, what it means, and what to do."""
        error = self.sync.error if self.sync else ""
        if not (code := ERRCODE.search(error)):
            return reason_in_words(gettext(error)) if error else ""
        known = lookup(int(code[1]))
        parts = (error, gettext(known.meaning), gettext(known.fix))
        return " — ".join(part for part in parts if part)


def followers(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("notifier.view_followersync"):
        raise PermissionDenied
    may_start = request.user.has_perm("notifier.add_followersync")
    if request.method == "POST":
        if not may_start:
            raise PermissionDenied
        _start(request)
        return redirect("admin:followers")
    rows = _rows(_accounts(request))
    context = {
        **admin.site.each_context(request),
        "title": _("Follower sync"),
        "rows": rows,
        "may_start": may_start,
        "is_running": any(row.sync and row.sync.state == SyncState.RUNNING for row in rows),
    }
    return render(request, "notifier/followers.html", context)


def _accounts(request: HttpRequest) -> QuerySet[OfficialAccount]:
    return limited(OfficialAccount.objects.defer("app_secret").order_by("name"), request.user)


def _rows(accounts: QuerySet[OfficialAccount]) -> list[Row]:
    """Each account with its newest pass."""
    newest = FollowerSync.objects.filter(account=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    found = list(accounts.annotate(newest=Subquery(newest)))
    syncs = FollowerSync.objects.in_bulk([one.newest for one in found if one.newest])
    return [Row(account, syncs.get(account.newest)) for account in found]


def _start(request: HttpRequest) -> None:
    accounts = _accounts(request).filter(is_active=True)
    wanted = request.POST.get("account", "")
    account = next((one for one in accounts if str(one.pk) == wanted), None)
    if account is None:
        messages.error(request, gettext("There is no such account."))
    elif start(account, request.user.get_username()) is None:
        messages.info(request, gettext("It is running already."))
