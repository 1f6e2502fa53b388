"""E-mails about anomalies, from a thread of the clock: what began and what ended since the last,
in one. Owed in the row, so that none is lost; a mail server that is away is tried for hours."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import close_old_connections, transaction
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext, gettext_noop

from notifier.anomalies.words import in_words, name_of
from notifier.models import Anomaly, AnomalyState
from notifier.models.anomalies import Ending

log = logging.getLogger(__name__)

BATCH = 100
LEASE = timedelta(minutes=5)
"""Far longer than a mail may take (EMAIL_TIMEOUT)."""
TRIES = 12
LONGEST = 3600


def send_mails() -> bool:
    """Two clocks do no harm: rows are taken under a lease. One that dies between the mail and its
    note sends it again. True: more may be due."""
    close_old_connections()
    lease = timezone.now() + LEASE
    rows = _take(lease)
    if not rows:
        return False
    held = Anomaly.objects.filter(pk__in=[one.pk for one in rows], mail_due=lease)
    try:
        mail(rows).send()
    except Exception as error:  # whatever a mail server can do
        tries = max(one.mail_tries for one in rows) + 1
        log.warning("an e-mail about anomalies was not sent (%s)", type(error).__name__)
        again = timezone.now() + timedelta(seconds=min(30 * 2**tries, LONGEST))
        held.update(mail_due=again if tries < TRIES else None, mail_tries=tries)
        if tries >= TRIES:
            log.error("an e-mail about anomalies was given up after %d times", tries)
        return False
    # What has ended meanwhile is due anew.
    held.update(mail_due=None, mail_tries=0)
    return len(rows) == BATCH


def _take(lease: datetime) -> list[Anomaly]:
    with transaction.atomic():
        due = Anomaly.objects.filter(mail_due__lte=timezone.now()).order_by("mail_due", "pk")
        ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        Anomaly.objects.filter(pk__in=ids).update(mail_due=lease)
    rows = Anomaly.objects.filter(pk__in=ids).select_related("account", "template")
    return list(rows.defer("account__app_secret").order_by("pk"))


def mail(rows: list[Anomaly]) -> EmailMessage:
    """In the platform's language."""
    with translation.override(settings.LANGUAGE_CODE):
        parts = [(text, [one for one in rows if _how(one) == how]) for how, text in COUNTED.items()]
        counts = [gettext(text) % {"count": len(some)} for text, some in parts if some]
        title = gettext("Anomalies: %(counts)s") % {"counts": gettext(", ").join(counts)}
        only = f" · {name_of(rows[0])}" if len(rows) == 1 else ""
        text = "\n\n".join(_paragraph(one) for _, some in parts for one in some)
        foot = gettext("More in Hongyan, at Anomalies; a silence there keeps such mails away.")
        return EmailMessage(
            subject=f"[Hongyan] {title}{only}",
            body=f"{text}\n\n{foot}\n",
            to=settings.ANOMALY_EMAILS,
        )


COUNTED = {
    "began": gettext_noop("%(count)d new"),
    "ended": gettext_noop("%(count)d ended"),
    "left": gettext_noop("%(count)d no longer judged"),
}
STANDS = {
    "began": gettext_noop("goes on since %(begun)s"),
    "ended": gettext_noop("ended: %(begun)s – %(ended)s"),
    "left": gettext_noop(
        "since %(begun)s; it can no longer be judged, and nobody knows whether it is over"
    ),
}


def _how(one: Anomaly) -> str:
    if one.state != AnomalyState.ENDED:
        return "began"
    return "left" if one.ended_because == Ending.NOT_JUDGED else "ended"


def _paragraph(one: Anomaly) -> str:
    ended = _at(one.ended_at) if one.ended_at else ""
    stands = gettext(STANDS[_how(one)]) % {"begun": _at(one.begun_at), "ended": ended}
    lines = [f"{name_of(one)} ({stands})", _words(one)]
    if settings.HONGYAN_URL:
        lines.append(settings.HONGYAN_URL + reverse("admin:notifier_anomaly_change", args=[one.pk]))
    return "\n".join(lines)


def _words(one: Anomaly) -> str:
    """One that cannot be told holds up no other."""
    try:
        return in_words(one)
    except Exception:
        log.exception("an anomaly cannot be put into words")
        return str(one.get_measure_display())


def _at(moment: datetime) -> str:
    return formats.date_format(timezone.localtime(moment), "m-d H:i")
