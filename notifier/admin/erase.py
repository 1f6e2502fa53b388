"""Erasing a person: a page that says in numbers what will happen, and then does it."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from notifier.admin.personal import erased
from notifier.models import Recipient, RecipientState, masked_openid
from notifier.recipients.erasing import InTheAir, effect, erase
from templates_app.access import limited


def erase_recipient(request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.has_perms(["notifier.erase_recipient", "notifier.view_recipient"]):
        raise PermissionDenied
    people = limited(Recipient.objects.exclude(state=RecipientState.ERASED), request.user)
    recipient = get_object_or_404(people, pk=pk)
    if request.method == "POST":
        try:
            erase(recipient)
        except InTheAir:
            text = gettext("A message to them is being sent at this moment. Try again in a minute.")
            messages.error(request, text)
            return redirect("admin:recipient-erase", pk)
        recipient.refresh_from_db()
        erased(recipient)
        messages.success(request, gettext("The person's data are erased."))
        return redirect("admin:notifier_recipient_change", pk)
    context = {
        **admin.site.each_context(request),
        "title": _("Erase a person's data"),
        "recipient": recipient,
        "openid": masked_openid(recipient.openid),
        "effect": effect(recipient),
    }
    return render(request, "notifier/erase.html", context)
