"""Actions that change something are asked for in a dialog and sent by POST."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog


def confirm(title: object, description: object) -> ActionDialog:
    return ActionDialog(
        title=title,
        description=description,
        form_class=None,
        form_submit_text=_("Confirm"),
    )


def found(admin: Any, request: HttpRequest, object_id: str) -> Any:
    """The admin's object that an action is about; a page "not found" where there is none."""
    row = admin.get_object(request, object_id)
    if row is None:
        raise Http404
    return row


def leave_dialog(view_name: str, *args: object, **query: object) -> HttpResponse:
    """Closes the dialog by going to a page; htmx follows this header, not a redirect."""
    address = reverse(view_name, args=args)
    return HttpResponse(headers={"HX-Redirect": f"{address}?{urlencode(query)}"})
