"""WeChat's callback address of an account. It checks, keeps the push and answers; no more."""

import logging
from contextlib import suppress
from datetime import UTC, datetime

from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifier import tracing
from notifier.models import Push
from notifier.models.away import AWAY, leave_read_only
from notifier.receipts.process import HANDLERS, WAKE, waker
from notifier.receipts.receivers import Receiver, fresh, memory, remembered
from notifier.receipts.refused import SIGNATURE, note_refused
from notifier.wechat.callback import (
    BadPush,
    BadSignature,
    dedupe_key,
    open_push,
    verify_url,
)
from notifier.wechat.callback import Push as WeChatPush

log = logging.getLogger(__name__)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def callback(request: HttpRequest, account: str) -> HttpResponse:
    """200 `success` once the push is stored; 403: a wrong signature; 400: not a push."""
    known = remembered(account) if request.method == "POST" else None
    if known:
        with suppress(BadSignature, BadPush):  # the row has the last word
            return _kept(request, known)
    receiver = fresh(account)
    if known and known != receiver:  # what was valid then is no more
        memory.forget()
    if receiver is None:
        raise Http404
    if not receiver.keys.token:
        return _text("The account has no callback token set.", 403)
    return _push(request, receiver) if request.method == "POST" else _verify(request, receiver)


def _verify(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    query = request.GET
    parts = (query.get("timestamp", ""), query.get("nonce", ""), query.get("signature", ""))
    if not verify_url(receiver.keys.token, *parts):
        note_refused(receiver.account_id, SIGNATURE, timezone.now())
        return _text("The signature is wrong.", 403)
    return _text(query.get("echostr", ""))


def _push(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    try:
        return _kept(request, receiver)
    except BadSignature:
        note_refused(receiver.account_id, SIGNATURE, timezone.now())
        return _text("The signature is wrong.", 403)
    except BadPush as error:
        note_refused(receiver.account_id, str(error), timezone.now())
        return _text(str(error), 400)


def _kept(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    """Raises BadSignature, BadPush or Http404."""
    push = open_push(receiver.keys, request.GET.dict(), request.body)
    # Other events, and what followers write, are nothing of ours: answered and not kept.
    if push.event in HANDLERS:
        try:
            _keep(receiver.account_id, push)
        except AWAY as error:
            leave_read_only(error)
            log.warning("a push was not kept (%s); WeChat repeats it", type(error).__name__)
            return _text("The database is away.", 503)
        except IntegrityError:  # deleted a moment ago
            memory.forget()
            raise Http404 from None
        waker.soon(WAKE)
    return _text("success")


def _keep(account_id: int, push: WeChatPush) -> None:
    now, trace = timezone.now(), tracing.current()
    row = Push(
        account_id=account_id,
        key=dedupe_key(push),
        event=push.event,
        openid=push.openid[:64],
        msgid=push.msgid[:20],
        status=push.status[:64],
        happened_at=datetime.fromtimestamp(push.created_at, UTC),
        received_at=now,
        due_at=now,
        traceparent=trace.traceparent if trace.is_kept else "",
    )
    # WeChat repeats a push up to three times; the unique key keeps the first.
    Push.objects.bulk_create([row], ignore_conflicts=True)


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
