"""Cancel, try again, send as new: from the log and from a message's page, each after a page that
says in numbers what it will do."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from notifier.audit.record import record
from notifier.dispatch.repair import Fate, cancel, fate_of_cancel, fate_of_retry, retry
from notifier.intake.resend import fate_of_resend, resend
from notifier.models import Action, Message

LIMIT = 10_000
"""So many at once: a page must answer while somebody waits for it."""


@dataclass(frozen=True, slots=True)
class Repair:
    title: Any
    title_of_one: Any
    button: Any
    fate: Callable[[Message], Fate]
    words: dict[Fate, str]
    """What happens to the messages of each fate."""
    asks_risk: bool
    """Those that may have been delivered are left alone unless the risk is taken."""
    do: Callable[[list[UUID], str, bool], tuple[Counter[Fate], list[UUID]]]
    """(what became of each, the new messages)"""


_REFUSED = gettext_noop(
    "were refused: the recipient, the template or the account does not take messages"
)
_ON_ITS_WAY = gettext_noop("are still on their way and are left alone")
REPAIRS: dict[str, Repair] = {
    "cancel": Repair(
        _("Cancel messages"),
        _("Cancel"),
        _("Cancel them"),
        fate_of_cancel,
        {
            Fate.GOES: gettext_noop("wait and will not be sent"),
            Fate.RISKY: gettext_noop(
                "wait for another attempt, may have been delivered already, and become “unknown”"
            ),
            Fate.TOO_LATE: gettext_noop("cannot be cancelled any more"),
        },
        False,
        lambda ids, by, risk: (cancel(ids, by, timezone.now()), []),
    ),
    "retry": Repair(
        _("Try messages again"),
        _("Try again"),
        _("Try them again"),
        fate_of_retry,
        {
            Fate.GOES: gettext_noop("were never delivered and are tried again"),
            Fate.RISKY: gettext_noop("may have been delivered: tried again they can arrive twice"),
            Fate.ON_ITS_WAY: _ON_ITS_WAY,
            Fate.TOO_LATE: gettext_noop("were taken by WeChat and are left alone"),
            Fate.ELSEWHERE: gettext_noop("went another way and are left alone"),
            Fate.REFUSED: _REFUSED,
        },
        True,
        lambda ids, by, risk: (retry(ids, by, timezone.now(), risk), []),
    ),
    "resend": Repair(
        _("Send messages as new"),
        _("Send as new"),
        _("Send them as new"),
        fate_of_resend,
        {
            Fate.GOES: gettext_noop("were never delivered and are sent as new messages"),
            Fate.RISKY: gettext_noop("may have reached the person: sent as new they arrive twice"),
            Fate.ON_ITS_WAY: _ON_ITS_WAY,
            Fate.REFUSED: _REFUSED,
        },
        True,
        lambda ids, by, risk: resend(ids, by, timezone.now(), risk),
    ),
}


def action(name: str) -> Callable[[Any, HttpRequest, QuerySet[Message]], HttpResponse | None]:
    """An action of the log: the first time it asks, the second time it acts."""

    @admin.action(description=REPAIRS[name].title, permissions=["repair"])
    def run(
        model_admin: Any, request: HttpRequest, queryset: QuerySet[Message]
    ) -> HttpResponse | None:
        repair = REPAIRS[name]
        rows = list(_rows(queryset)[: LIMIT + 1])
        if "confirm" not in request.POST:
            return _ask(request, name, repair, rows)
        with_risk = "risk" in request.POST
        ids = [row.pk for row in rows[:LIMIT]]
        fates, made = repair.do(ids, request.user.get_username(), with_risk)
        _record(name, ids, fates, with_risk)
        _tell(request, repair, fates, with_risk)
        if len(ids) == 1:
            return redirect("admin:notifier_message_change", *(made or ids))
        return None

    run.__name__ = f"{name}_messages"
    return run


def possible(message: Message) -> list[tuple[str, Any]]:
    """The actions that would do something to the message: (the action's name, its title)."""
    return [
        (f"{name}_messages", repair.title_of_one)
        for name, repair in REPAIRS.items()
        if repair.fate(message) in (Fate.GOES, Fate.RISKY)
    ]


def _record(name: str, ids: list[UUID], fates: Counter[Fate], with_risk: bool) -> None:
    """Each message's timeline tells of it, too; this says that somebody did it to so many."""
    record(
        Action.REPAIR,
        object_type="notifier.Message",
        object_id=ids[0].hex if len(ids) == 1 else "",
        object_name=f"{name}: {len(ids)}",
        after={fate.value: count for fate, count in fates.items()} | {"with_risk": with_risk},
    )


def _rows(queryset: QuerySet[Message]) -> QuerySet[Message]:
    return (
        queryset.order_by("-pk")
        .select_related("fallback", "recipient", "campaign")
        .defer("payload")
    )


def _ask(request: HttpRequest, name: str, repair: Repair, rows: list[Message]) -> HttpResponse:
    fates = Counter(repair.fate(row) for row in rows[:LIMIT])
    context = {
        **admin.site.each_context(request),
        "title": repair.title,
        "repair": repair,
        "action": f"{name}_messages",
        "counts": [(fates[fate], fate, gettext(repair.words[fate])) for fate in repair.words],
        "total": min(len(rows), LIMIT),
        "limit": LIMIT if len(rows) > LIMIT else 0,
        "asks_risk": repair.asks_risk and fates[Fate.RISKY],
        "does_something": fates[Fate.GOES] or fates[Fate.RISKY],
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "checkbox": ACTION_CHECKBOX_NAME,
        "select_across": request.POST.get("select_across", "0"),
    }
    return render(request, "notifier/repair.html", context)


def _tell(request: HttpRequest, repair: Repair, fates: Counter[Fate], with_risk: bool) -> None:
    done = fates[Fate.GOES] + (fates[Fate.RISKY] if with_risk or not repair.asks_risk else 0)
    left = fates.total() - done
    text = gettext("Messages done: %(done)d.")
    if left:
        text += " " + gettext("Left as they are: %(left)d.")
    level = messages.SUCCESS if done else messages.WARNING
    messages.add_message(request, level, text % {"done": done, "left": left})
