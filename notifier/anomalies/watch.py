"""The clock's look: once for each window it measures the one that ended, adds to the one before it
what its receipts say by now, and judges both.

What is measured is stored, and read with what it is compared with, before anything is locked: done
twice it is the same. Then a window's row is taken, in the transaction that does the rest: of two
clocks the second waits for it and finds the window done; one that dies has changed no anomaly.
"""

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, close_old_connections, transaction
from django.db.models.functions import Now
from django.utils import timezone
from redis import RedisError

from notifier.anomalies.forecast import judged_queue, judged_quota, queues, quotas
from notifier.anomalies.grouping import ACCOUNT
from notifier.anomalies.history import history
from notifier.anomalies.judgement import LEAST_WEEKS, RULES, Usual, Verdict, judge
from notifier.anomalies.standing import Standing, Window, standings
from notifier.anomalies.windows import (
    EARLY_FIELDS,
    LATE_FIELDS,
    SHOWN_ERRCODES,
    measured,
    measured_late,
)
from notifier.dispatch import works
from notifier.models import Anomaly, Basis, Measure, MeasuredWindow, Silence
from notifier.models.ahead import is_ahead
from notifier.models.anomalies import LIVE
from notifier.models.away import AWAY
from templates_app.models import OfficialAccount

log = logging.getLogger(__name__)

JUDGED = "judged windows"
"""Among the clock's works: those that failed and were left out are not."""
MARK = 0
"""The account whose rows say which windows were measured."""
MOST = 24
"""Windows that are made up for after the clock was away: of five minutes, two hours."""
LASTING = timedelta(weeks=LEAST_WEEKS)
Verdicts = dict[tuple[int, Measure], dict[int, Verdict]]


def watch() -> bool:
    """One window; True: there may be more."""
    close_old_connections()
    try:
        return look(timezone.now())
    except AWAY:
        raise
    except Exception:
        log.exception("a window could not be judged; it is left out")
        _leave_out(timezone.now())
        return False


def _leave_out(now: datetime) -> None:
    """Tried again it would fail again, every few seconds, and no later one would be judged."""
    if begins := due(now, timedelta(seconds=settings.ANOMALY_WINDOW_SECONDS)):
        MeasuredWindow.objects.get_or_create(account_id=MARK, template_id=0, begins=begins)


def look(now: datetime) -> bool:
    width = timedelta(seconds=settings.ANOMALY_WINDOW_SECONDS)
    if not width:
        works.forgotten(JUDGED)
        _leave_all(now)
        return False
    works.begun(JUDGED, width.total_seconds())
    if is_ahead(now, width):
        return False
    # What a clock that was ahead has measured, when there was nothing yet. The database must say
    # so, too: to a second clock that is behind, the first one's windows are of the future.
    ahead = MeasuredWindow.objects.filter(begins__gt=now + width)
    ahead.filter(begins__gt=Now() + width).delete()
    if (begins := due(now, width)) is None:
        return False
    _store(measured(begins, width), EARLY_FIELDS)
    _store(measured_late(begins - width, width), LATE_FIELDS)
    window = Window(begins, begins + width, now)
    found = _verdicts(window)
    try:
        with transaction.atomic():
            MeasuredWindow.objects.create(account_id=MARK, begins=begins)
            _advance(window, found)
    except IntegrityError:
        if not MeasuredWindow.objects.filter(account_id=MARK, begins=begins).exists():
            raise
        log.debug("another clock measured the window")
    works.done(JUDGED, width.total_seconds())
    return due(now, width) is not None


def _leave_all(now: datetime) -> None:
    """Nothing is judged any more: what was open would stay so, and its alert fire, for ever."""
    live_ones = Anomaly.objects.filter(state__in=LIVE)
    if not live_ones.exists():
        return
    with transaction.atomic():
        list(live_ones.select_for_update().order_by("pk").values_list("pk"))  # two clocks
        silences = list(Silence.objects.filter(until__gt=now))
        for (account, measure), live in standings().items():
            Standing(account, Measure(measure), live).leave(now, silences)


def due(now: datetime, width: timedelta) -> datetime | None:
    """When the next window begins that is over, and a little more: rows can be committed late."""
    seconds = width.total_seconds()
    over = (now - width / 20).timestamp() // seconds * seconds
    newest = datetime.fromtimestamp(over, UTC) - width
    near = (newest - MOST * width, newest)
    rows = MeasuredWindow.objects.filter(account_id=MARK, begins__range=near)
    last = rows.order_by("-begins").values_list("begins", flat=True).first()
    if last is None:
        return newest
    return last + width if last < newest else None


def _store(rows: list[MeasuredWindow], fields: tuple[str, ...]) -> None:
    one = ["begins", "account_id", "template_id"]
    MeasuredWindow.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=one, update_fields=fields
    )


def _verdicts(window: Window) -> Verdicts:
    live = standings()
    found: Verdicts = {}
    _compare(found, window.begins, window.width, live, is_late=False)
    _compare(found, window.begins - window.width, window.width, live, is_late=True)
    if window.now - window.ends < window.width:  # not of hours that are made up for
        _foresee(found, window)
    return found


def _advance(window: Window, found: Verdicts) -> None:
    live = standings()
    silences = list(Silence.objects.filter(until__gt=window.now))
    for account, measure in sorted({*found, *((pk, Measure(word)) for pk, word in live)}):
        standing = Standing(account, measure, live.get((account, measure), []))
        standing.advance(found.get((account, measure), {}), window, silences)


def _compare(
    found: Verdicts,
    at: datetime,
    width: timedelta,
    live: dict[tuple[int, str], list[Anomaly]],
    *,
    is_late: bool,
) -> None:
    for (account, template), rows in history(at, width).items():
        for measure, rule in RULES.items():
            if rule.is_late is not is_late:
                continue
            own = live.get((account, measure), [])
            before = no_example_from(own, at)
            known = known_usual(own, template) if before < at else None
            verdict = judge(rule, rows, at, width, before, known)
            if verdict is not None:
                judged = [rows.get(at - back * width) for back in range(verdict.reach)]
                if any(row and row.is_sample for row in judged):
                    verdict.facts["is_sample"] = True
                if verdict.is_bad and measure is Measure.FAILURE:
                    verdict.facts["errcodes"] = _errcodes(judged)
                found.setdefault((account, measure), {})[template] = verdict


def _errcodes(judged: list[Any]) -> dict[str, int]:
    """Of the windows that were judged: the last of them may hold none."""
    found = Counter[str]()
    for row in judged:
        if row:
            found.update(row.errcodes)
    return dict(found.most_common(SHOWN_ERRCODES))


def no_example_from(own: list[Anomaly], at: datetime) -> datetime:
    """What goes on must not become its own example, until it has lasted for LASTING: then that is
    how it usually is, and an anomaly which no window of before could end is over."""
    begun = min((one.begun_at for one in own), default=at)
    return begun if at - begun < LASTING else at


def known_usual(own: list[Anomaly], template: int) -> Usual | None:
    """Of one that began where little else is known: it must not become its own example."""
    for one in own:
        if (
            one.usual is not None
            and one.limit is not None
            and one.template_id == (template or None)
        ):
            return Usual(one.usual, one.limit, Basis(one.basis), one.points)
    return None


def _foresee(found: Verdicts, window: Window) -> None:
    """Of the moment."""
    accounts = list(OfficialAccount.objects.filter(is_active=True).defer("app_secret"))
    waiting = queues(accounts, window.now)
    of_accounts = MeasuredWindow.objects.filter(account_id__gt=0, template_id=ACCOUNT)
    ages = of_accounts.filter(begins=window.begins - window.width).values_list(
        "account_id", "waiting_seconds"
    )
    before = dict(ages)
    for pk, queue in waiting.items():
        verdict = judged_queue(queue, before.get(pk) or 0, window.width)
        found[pk, Measure.QUEUE] = {ACCOUNT: verdict}
    MeasuredWindow.objects.bulk_create(
        [
            MeasuredWindow(
                account_id=pk,
                template_id=ACCOUNT,
                begins=window.begins,
                waiting=queue.waiting,
                waiting_seconds=int(queue.age),
            )
            for pk, queue in waiting.items()
            if queue.waiting
        ],
        update_conflicts=True,
        unique_fields=["begins", "account_id", "template_id"],
        update_fields=["waiting", "waiting_seconds"],
    )
    try:
        for pk, quota in quotas(accounts, window.now).items():
            found[pk, Measure.QUOTA] = {ACCOUNT: judged_quota(quota)}
    except RedisError as error:
        log.warning("quotas are not known (%s)", type(error).__name__)
