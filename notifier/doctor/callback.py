"""Does WeChat reach us? Its own check of the callback, and the pushes that have come."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min, QuerySet, Sum
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, gettext_noop
from redis import RedisError

from notifier.doctor.patient import Patient
from notifier.doctor.results import Result, bad, ok, skipped, warn
from notifier.models import Message, MessageCount, Push, State, masked_openid
from notifier.models.counts import Span
from notifier.models.sandbox import SANDBOX
from notifier.receipts.refused import SIGNATURE, last_refused
from notifier.wechat.errors import Refused
from notifier.wechat.tokens import TokenRefused
from templates_app.models import OfficialAccount

SHOWN = 20
LOOKED_AT = 50_000
"""The newest pushes of all accounts: there is no index by account and time, and a few rows of a
quiet account are not worth one."""
NO_ADDRESS = 40201
LATELY = timedelta(days=1)
PROMPT = timedelta(minutes=2)
"""WeChat repeats a push within seconds; its clock and ours may differ a little."""
LOST_SIGHT = frozenset({"unmatched", "unknown_recipient"})
RECEIPTS = (State.DELIVERED, State.UNDELIVERED)
RECEIPT_PATIENCE = timedelta(minutes=3)
"""They come within seconds."""
FEW = 5
"""Of so many messages one has a receipt; a single receipt can be lost."""
RECENTLY, NEWEST, ASKED = timedelta(hours=1), 5_000, 100
MANY, MOST_COME = 20, 0.8
"""Some receipts are lost at WeChat; of so many more come."""
REASONS: dict[str, str] = {
    SIGNATURE: gettext_noop("its signature is wrong: the callback token is another at WeChat"),
    "the account is in safe mode, but the push is not encrypted": gettext_noop(
        "it is not encrypted: the callback mode is another at WeChat"
    ),
    "the push is encrypted for another account or with another key": gettext_noop(
        "it is encrypted for another account or with another key"
    ),
    "the decrypted text is padded wrongly: another key?": gettext_noop(
        "the EncodingAESKey is another at WeChat"
    ),
    "the account has no EncodingAESKey": gettext_noop(
        "it is encrypted, and no EncodingAESKey is stored here"
    ),
}


EVENTS: dict[str, str] = {
    "templatesendjobfinish": gettext_noop("Receipt"),
    "subscribe": gettext_noop("Follows"),
    "unsubscribe": gettext_noop("Follows no more"),
}


@dataclass(frozen=True, slots=True)
class Received:
    """One push and its ticks: True, False, or None where nobody knows, or not yet. What is refused
    is never stored: of it there are only the time and the reason."""

    received_at: datetime
    event: str = ""
    openid: str = ""
    """Masked."""
    msgid: str = ""
    status: str = ""
    why: str = ""
    """It was refused; in the reader's language."""
    is_signed: bool | None = True
    is_prompt: bool | None = None
    is_done: bool | None = None
    is_known: bool | None = None
    """It was about a message or a person of ours."""

    @property
    def title(self) -> str:
        if self.why:
            return gettext("Refused: %(why)s") % {"why": self.why}
        return gettext(EVENTS.get(self.event, self.event))


def callback(patient: Patient) -> Result:
    same = gettext(
        "At WeChat (Settings and development → Basic configuration → Server configuration) enter "
        "the callback address that the account's page shows, with the same token, key and mode."
    )
    if not patient.account.callback_token:
        return bad(gettext("No callback token is stored: every push is refused."), same)
    try:
        found = patient.ask(lambda client: client.check_callback())
    except TokenRefused:
        raise
    except Refused as error:
        if error.errcode == NO_ADDRESS:
            return bad(gettext("WeChat has no callback address of this account."), same)
        text = gettext("WeChat does not check it (errcode %(code)d).")
        return skipped(text % {"code": error.errcode})
    if not found["dns"]:
        fix = gettext("Check the DNS record of the callback's domain.")
        return bad(gettext("WeChat finds no address for the callback's domain."), fix)
    lost = [one for one in found["ping"] if str(one.get("package_loss", "")).startswith("100")]
    if len(lost) < len(found["ping"]):
        return ok(gettext("WeChat reaches the callback's server."), *_pings(found["ping"]))
    is_heard = _is_recent(patient, _last(patient.account))
    return _unreached(lost, is_heard) if lost else _untried(is_heard)


def _unreached(lost: list[dict[str, str]], is_heard: bool) -> Result:
    if is_heard:
        text = gettext("WeChat's pings are lost, but its pushes arrive.")
        fix = gettext("Nothing to do if a firewall drops pings on purpose.")
        return warn(text, fix, *_pings(lost))
    fix = gettext(
        "Let the firewall take ports 80 and 443 from WeChat, and see that the proxy runs."
    )
    return bad(gettext("WeChat does not reach the callback's server."), fix, *_pings(lost))


def _untried(is_heard: bool) -> Result:
    if is_heard:
        return ok(gettext("WeChat tried no ping, but its pushes arrive."))
    fix = gettext("Follow the account in WeChat, then examine it again: that push must come.")
    return warn(gettext("Not known: WeChat tried no ping, and no push has come for a day."), fix)


def _pings(pings: list[dict[str, str]]) -> list[str]:
    text = gettext("%(ip)s from %(who)s: %(loss)s lost %(time)s")
    return [
        text
        % {
            "ip": one.get("ip", ""),
            "who": one.get("from_operator", ""),
            "loss": one.get("package_loss", ""),
            "time": one.get("time", ""),
        }
        for one in pings
    ]


def pushes(patient: Patient) -> Result:
    """Are they signed as they must be, and do they come while messages are sent?"""
    last = _last(patient.account)
    refused = next(iter(refusals(patient.account, patient.now)), None)
    if refused and (last is None or refused.received_at > last):
        text = gettext("The latest push (%(at)s) was refused: %(why)s.")
        fix = gettext(
            "Enter token, key and mode at WeChat and on the account's page anew, the same on both "
            "sides. If the callback works, somebody else has posted to its address."
        )
        return bad(text % {"at": _at(refused.received_at), "why": refused.why}, fix)
    text = gettext("Refused at %(at)s: %(why)s.")
    told = {"at": _at(refused.received_at), "why": refused.why} if refused else {}
    details = [text % told] if refused else []
    count, since = _without_receipt(patient)
    if since and count >= FEW:
        text = gettext("%(count)d messages were sent since %(since)s, and no receipt has come.")
        fix = gettext(
            "Look at “Callback”: WeChat must post the event TEMPLATESENDJOBFINISH to this server's "
            "address, not to another program's. If pushes come and are not “done”, start a worker."
        )
        return bad(text % {"since": _at(since), "count": count}, fix, *details)
    sent, came = _lately(patient)
    if sent >= MANY and came < MOST_COME * sent:
        text = gettext("Of the last %(sent)d messages %(came)d have their receipt.")
        fix = gettext(
            "Receipts get lost on their way: look whether a proxy or a firewall lets all of "
            "WeChat's addresses through, whether all addresses of the callback's name are this "
            "server's, and whether a worker runs."
        )
        return bad(text % {"sent": sent, "came": came}, fix, *details)
    if not _is_recent(patient, last) and patient.condition.sent_today:
        text = gettext("%(count)d messages were sent today, and no push has come for a day.")
        fix = gettext("Without receipts messages stay “sent”. Look at “Callback”.")
        return warn(text % {"count": patient.condition.sent_today}, fix)
    if last is None:
        return skipped(gettext("None has come yet, and nothing was sent today."))
    text = gettext("The latest came at %(at)s, signed as it must be.")
    return ok(text % {"at": _at(last)}, *details)


def _without_receipt(patient: Patient) -> tuple[int, datetime | None]:
    """How many of the last day's messages were sent since the last receipt of any, and since when;
    those of the last minutes may still get theirs. From the counts: the log may be long."""
    counted = MessageCount.objects.filter(span=Span.MINUTE, account_id=patient.account.pk)
    begins = counted.filter(state__in=RECEIPTS).order_by("-begins").values_list("begins", flat=True)
    after = max(filter(None, (begins.first(), patient.now - LATELY)))
    until = patient.now - RECEIPT_PATIENCE - timedelta(minutes=1)  # all of that minute
    sent = counted.filter(state=State.SENT, begins__gt=after, begins__lte=until)
    found = sent.aggregate(count=Sum("count"), since=Min("begins"))
    return found["count"] or 0, found["since"]


def _lately(patient: Patient) -> tuple[int, int]:
    """(the last messages of this hour that were sent long enough ago, those that have a receipt):
    once the fault is mended, it shows within minutes."""
    rows = Message.objects.filter(account=patient.account, is_test=False).order_by("-pk")
    told = rows.values_list("sent_at", "receipt_at")[:NEWEST]
    begins, ends = patient.now - RECENTLY, patient.now - RECEIPT_PATIENCE
    receipts = [receipt for sent, receipt in told if sent and begins < sent <= ends][:ASKED]
    return len(receipts), sum(one is not None for one in receipts)


def latest(account: OfficialAccount, now: datetime) -> list[Received]:
    """Refused and stored ones, so many of each (anybody can post what is refused), the newest
    first."""
    refused: list[Received] = []
    with suppress(RedisError):  # the check of the pushes says so
        refused = refusals(account, now)
    return sorted([*refused, *_stored(account)], key=lambda one: one.received_at, reverse=True)


def refusals(account: OfficialAccount, now: datetime) -> list[Received]:
    """Of the last day, the newest first. Raises RedisError."""
    return [
        Received(
            at,
            why=gettext(REASONS.get(reason, reason)),
            is_signed=False if reason == SIGNATURE else None,
        )
        for at, reason in last_refused(account.pk)
        if now - at < LATELY
    ]


def _stored(account: OfficialAccount) -> Iterator[Received]:
    for row in _newest(account).order_by("-id")[:SHOWN]:
        yield Received(
            row.received_at,
            row.event,
            masked_openid(row.openid),
            row.msgid,
            row.status,
            is_prompt=abs(row.received_at - row.happened_at) < PROMPT,
            is_done=row.due_at is None,
            is_known=row.outcome not in LOST_SIGHT if row.due_at is None else None,
        )


def _newest(account: OfficialAccount) -> QuerySet[Push]:
    """WeChat's: those of the sandbox are made here."""
    newest = Push.objects.aggregate(last=Max("id"))["last"] or 0
    rows = Push.objects.filter(account=account, id__gt=newest - LOOKED_AT)
    return rows.exclude(openid__in=SANDBOX)


def _last(account: OfficialAccount) -> datetime | None:
    found = _newest(account).order_by("-id").values_list("received_at", flat=True)[:1]
    return next(iter(found), None)


def _is_recent(patient: Patient, last: datetime | None) -> bool:
    return last is not None and patient.now - last < LATELY


def _at(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "m-d H:i:s")
