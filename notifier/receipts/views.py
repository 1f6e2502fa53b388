"""WeChat's callback address of an account. It checks, keeps the push and answers; no more."""

import logging
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifier.dispatch.waker import waker
from notifier.models import Push
from notifier.models.away import AWAY, leave_read_only
from notifier.receipts.process import HANDLERS, WAKE
from notifier.receipts.refused import SIGNATURE, note_refused
from notifier.wechat.callback import (
    BadPush,
    BadSignature,
    CallbackKeys,
    dedupe_key,
    open_push,
    verify_url,
)
from notifier.wechat.callback import Push as WeChatPush
from templates_app.models import OfficialAccount

log = logging.getLogger(__name__)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def callback(request: HttpRequest, account: str) -> HttpResponse:
    """200 `success` once the push is stored; 403: a wrong signature; 400: not a push."""
    row = get_object_or_404(OfficialAccount.objects.defer("app_secret"), slug=account)
    if not row.callback_token:
        return _text("The account has no callback token set.", 403)
    return _push(request, row) if request.method == "POST" else _verify(request, row)


def _verify(request: HttpRequest, account: OfficialAccount) -> HttpResponse:
    query = request.GET
    parts = (query.get("timestamp", ""), query.get("nonce", ""), query.get("signature", ""))
    if not verify_url(account.callback_token, *parts):
        note_refused(account.pk, SIGNATURE, timezone.now())
        return _text("The signature is wrong.", 403)
    return _text(query.get("echostr", ""))


def _push(request: HttpRequest, account: OfficialAccount) -> HttpResponse:
    keys = CallbackKeys(
        token=account.callback_token,
        appid=account.appid,
        aes_keys=account.aes_keys,
        mode=account.callback_mode,
    )
    try:
        push = open_push(keys, request.GET.dict(), request.body)
    except BadSignature:
        note_refused(account.pk, SIGNATURE, timezone.now())
        return _text("The signature is wrong.", 403)
    except BadPush as error:
        note_refused(account.pk, str(error), timezone.now())
        return _text(str(error), 400)
    # Other events, and what followers write, are nothing of ours: answered and not kept.
    if push.event in HANDLERS:
        try:
            _keep(account, push)
        except AWAY as error:
            leave_read_only(error)
            log.warning("a push was not kept (%s); WeChat repeats it", type(error).__name__)
            return _text("The database is away.", 503)
        waker.soon(WAKE)
    return _text("success")


def _keep(account: OfficialAccount, push: WeChatPush) -> None:
    now = timezone.now()
    row = Push(
        account=account,
        key=dedupe_key(push),
        event=push.event,
        openid=push.openid[:64],
        msgid=push.msgid[:20],
        status=push.status[:64],
        happened_at=datetime.fromtimestamp(push.created_at, UTC),
        received_at=now,
        due_at=now,
    )
    # WeChat repeats a push up to three times; the unique key keeps the first.
    Push.objects.bulk_create([row], ignore_conflicts=True)


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
