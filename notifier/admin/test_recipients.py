"""Marking people whom “Send a test” may reach: an action of the list of recipients."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifier.models import Recipient, RecipientState

MOST = 100
"""At once: “select all” of a million is a slip of the hand, and then anybody could get a test."""

Mark = Callable[[Any, HttpRequest, QuerySet[Recipient]], None]


def _action(is_test: bool, title: Any) -> Mark:
    @admin.action(description=title, permissions=["change"])
    def run(model_admin: Any, request: HttpRequest, queryset: QuerySet[Recipient]) -> None:
        rows = queryset.exclude(state=RecipientState.ERASED).exclude(is_test=is_test)
        chosen = list(rows.values_list("pk", flat=True)[: MOST + 1])
        if len(chosen) > MOST:
            text = gettext("Nothing was changed: choose at most %(most)d people at once.")
            model_admin.message_user(request, text % {"most": MOST}, messages.ERROR)
            return
        done = Recipient.objects.filter(pk__in=chosen).update(is_test=is_test)
        text = gettext("People changed: %(count)d.") % {"count": done}
        model_admin.message_user(request, text, messages.SUCCESS)

    run.__name__ = "mark_test" if is_test else "unmark_test"
    return run


mark_test = _action(True, _("Mark as test recipients"))
unmark_test = _action(False, _("No test recipients any more"))
