"""What WeChat remembers of the call that it refused: by the rid of its answer, for 7 days."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from notifier.models import Message
from notifier.wechat.errors import Refused, WeChatError, lookup
from templates_app.access import limited
from templates_app.wechat import client_for


@require_POST
def rid(request: HttpRequest, message_id: str) -> HttpResponse:
    if not request.user.has_perm("notifier.view_message"):
        raise PermissionDenied
    chosen = Message.objects.select_related("account").filter(pk=message_id)
    message = limited(chosen, request.user).first()
    if message is None or not message.rid:
        raise Http404
    try:
        found = client_for(message.account).request_of(message.rid)
    except Refused as error:
        text = f"errcode {error.errcode}: {gettext(lookup(error.errcode).meaning)}"
        messages.warning(request, text)
        return redirect("admin:notifier_message_change", message_id)
    except WeChatError as error:
        messages.error(request, str(error))
        return redirect("admin:notifier_message_change", message_id)
    context = {
        **admin.site.each_context(request),
        "title": _("WeChat about this call"),
        "message_row": message,
        "facts": _facts(found),
    }
    return render(request, "notifier/rid.html", context)


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Not the request's body: it is the message, and a person's."""
    at = datetime.fromtimestamp(int(found.get("invoke_time") or 0), UTC)
    return [
        (gettext("When"), formats.date_format(timezone.localtime(at), "Y-m-d H:i:s")),
        (gettext("How long"), gettext("%(ms)d ms") % {"ms": int(found.get("cost_in_ms") or 0)}),
        (gettext("From the address"), str(found.get("client_ip") or "-")),
        (gettext("WeChat's answer"), str(found.get("response_body") or "-")),
    ]
