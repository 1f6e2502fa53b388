"""The error encyclopaedia: every errcode that WeChat may give, what it means, who must do what, how
often it came and when last; and what the operators know of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from notifier.admin.dashboard import log_link
from notifier.models import ErrcodeNote, MessageCount
from notifier.models.counts import ANSWER, Span
from notifier.wechat.errors import ErrCode, Kind, known_codes, lookup
from templates_app.access import limited

SEEN_DAYS = 30
OWNERS: Mapping[Kind, str] = {
    Kind.OK: gettext_noop("nobody"),
    Kind.TOKEN: gettext_noop("nobody"),
    Kind.RETRY: gettext_noop("nobody"),
    Kind.SLOW: gettext_noop("nobody"),
    Kind.AMBIGUOUS: gettext_noop("nobody"),
    Kind.QUOTA: gettext_noop("the account's administrator"),
    Kind.ACCOUNT: gettext_noop("the account's administrator"),
    Kind.RECIPIENT: gettext_noop("the recipient"),
    Kind.TEMPLATE: gettext_noop("who keeps the template"),
    Kind.REQUEST: gettext_noop("the calling service"),
    Kind.UNKNOWN_CODE: gettext_noop("Hongyan's operator"),
}
"""Who must act."""
HAPPENS: Mapping[Kind, str] = {
    Kind.OK: gettext_noop("The message counts as sent."),
    Kind.TOKEN: gettext_noop("A new token is fetched and the message is sent again at once."),
    Kind.RETRY: gettext_noop("The message is tried again, later and later, until it expires."),
    Kind.SLOW: gettext_noop("The account slows down; the message is tried again."),
    Kind.AMBIGUOUS: gettext_noop("It is repeated so that it cannot arrive twice, or is unknown."),
    Kind.QUOTA: gettext_noop("Normal and bulk messages wait for the reset of the quota."),
    Kind.ACCOUNT: gettext_noop("The account stops; its messages wait, and one is tried at times."),
    Kind.RECIPIENT: gettext_noop("The message fails; later ones to the person are refused."),
    Kind.TEMPLATE: gettext_noop("The message fails; after several the template is held."),
    Kind.REQUEST: gettext_noop("The message fails; a repeat would fail alike."),
    Kind.UNKNOWN_CODE: gettext_noop("The message fails; it is not repeated blindly."),
}


@dataclass(frozen=True, slots=True)
class Entry:
    known: ErrCode
    owner: str
    happens: str
    count: int
    last: datetime | None
    note: str
    log: str


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = ErrcodeNote
        fields = ("text",)
        widgets = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 5})}


def errcodes(request: HttpRequest) -> HttpResponse:
    _look(request)
    term = request.GET.get("q", "").strip().casefold()
    entries = [entry for entry in _entries(request) if not term or term in _words(entry)]
    context = {
        **admin.site.each_context(request),
        "title": _("Errcodes"),
        "entries": entries,
        "q": request.GET.get("q", ""),
        "days": SEEN_DAYS,
    }
    return render(request, "notifier/errcodes.html", context)


def errcode(request: HttpRequest, code: str | int) -> HttpResponse:
    _look(request)
    code = int(code)
    may_note = request.user.has_perm("notifier.change_errcodenote")
    note = ErrcodeNote.objects.filter(pk=code).first() or ErrcodeNote(pk=code)
    form = NoteForm(request.POST or None, instance=note) if may_note else None
    if request.method == "POST":
        if form is None:
            raise PermissionDenied
        if form.is_valid():
            form.instance.changed_by = request.user.get_username()
            form.save()
            messages.success(request, gettext("The note is kept."))
            return redirect("admin:errcode", code)
    (entry,) = _entries(request, [code])
    context = {
        **admin.site.each_context(request),
        "title": f"errcode {code}",
        "entry": entry,
        "note": note,
        "form": form,
        "days": SEEN_DAYS,
    }
    return render(request, "notifier/errcode.html", context)


def _look(request: HttpRequest) -> None:
    if not request.user.has_perm("notifier.view_message"):
        raise PermissionDenied


def _entries(request: HttpRequest, codes: list[int] | None = None) -> list[Entry]:
    """Those that came most often first. Codes that Hongyan does not know are told, too."""
    since = timezone.now() - timedelta(days=SEEN_DAYS)
    rows = MessageCount.objects.filter(span=Span.HOUR, state=ANSWER, begins__gte=since)
    rows = limited(rows, request.user).order_by()
    seen: dict[int, tuple[int, datetime]] = {
        code: (count, last)
        for code, count, last in rows.values_list("errcode").annotate(Sum("count"), Max("begins"))
    }
    notes: dict[int, str] = dict(ErrcodeNote.objects.values_list("errcode", "text"))
    wanted = codes if codes is not None else sorted({*known_codes(), *seen} - {0})
    entries = [_entry(code, seen.get(code), notes.get(code, "")) for code in wanted]
    return sorted(entries, key=lambda entry: -entry.count)


def _entry(code: int, seen: tuple[int, datetime] | None, note: str) -> Entry:
    known = lookup(code)
    count, last = seen or (0, None)
    return Entry(
        known,
        gettext(OWNERS[known.kind]),
        gettext(HAPPENS[known.kind]),
        count,
        last,
        note,
        log_link(errcode=code),
    )


def _words(entry: Entry) -> str:
    texts: tuple[Any, ...] = (entry.known.code, gettext(entry.known.meaning), entry.note)
    return " ".join(map(str, texts)).casefold()
