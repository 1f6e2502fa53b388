"""How it stands at this moment, for /metrics: asked of the database and Redis when Prometheus asks,
so that it is true whichever process answers. What happened is counted in `notifier/metrics.py`.

Labels are the numbers of accounts and templates; `hongyan_account_info` and `hongyan_template_info`
tell their names.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from django.conf import settings
from django.core.cache import cache
from django.db import Error, InterfaceError, OperationalError
from django.db.models import Count, Max, Sum
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import RedisError

from notifier.dispatch import gate
from notifier.dispatch.clock import MOST_ROWS, last_beat, waiting
from notifier.dispatch.gate import Limits
from notifier.dispatch.lanes import queue
from notifier.dispatch.works import works
from notifier.models import (
    Anomaly,
    AnomalyState,
    Measure,
    Message,
    MessageCount,
    Priority,
    State,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifier.models.counts import ANSWER, Span
from notifier.observability.standing import seen_workers
from notifier.wechat.tokens import TokenCache, fetches
from templates_app.models import MessageTemplate, OfficialAccount

log = logging.getLogger(__name__)

MOST = 50
Values = Iterable[tuple[Iterable[object], float]]


class Gauges(Collector):
    """A section whose database or Redis is away is left out, and said to be. A database that does
    not answer is waited for once: Prometheus gives the whole page ten seconds."""

    def collect(self) -> Iterator[Metric]:
        answered = GaugeMetricFamily(
            "hongyan_answered", "1: what this page asked answered", labels=["section"]
        )
        is_away = False
        for name, section in SECTIONS.items():
            if is_away and name not in WITHOUT_DATABASE:
                answered.add_metric([name], 0)
                continue
            try:
                yield from [*section()]
            except (Error, RedisError) as error:
                is_away = is_away or isinstance(error, OperationalError | InterfaceError)
                log.warning("/metrics: %s does not answer (%s)", name, type(error).__name__)
                answered.add_metric([name], 0)
            else:
                answered.add_metric([name], 1)
        yield answered


def _gauge(name: str, text: str, labels: Iterable[str], values: Values) -> Metric:
    found = GaugeMetricFamily(f"hongyan_{name}", text, labels=[*labels])
    for each, value in values:
        found.add_metric([str(one) for one in each], value)
    return found


def _count(name: str, text: str, labels: Iterable[str], values: Values) -> Metric:
    found = CounterMetricFamily(f"hongyan_{name}", text, labels=[*labels])
    for each, value in values:
        found.add_metric([str(one) for one in each], value)
    return found


def _active() -> list[OfficialAccount]:
    """What is switched off wakes nobody."""
    return list(OfficialAccount.objects.filter(is_active=True).order_by("pk").defer("app_secret"))


def _names() -> Iterator[Metric]:
    slugs = OfficialAccount.objects.order_by("pk").values_list("pk", "slug")
    accounts = [(labels, 1.0) for labels in slugs]
    yield _gauge("account_info", "The short name of an account", ["account", "slug"], accounts)
    named = ("account", "code", "pk", "held_since", "account__is_active")
    rows = MessageTemplate.objects.order_by("pk").values_list(*named)
    labels = ["account", "code", "template"]
    known = [((account, code, pk), 1.0) for account, code, pk, _, _ in rows]
    yield _gauge("template_info", "The account and the code of a template", labels, known)
    held = [((pk,), float(since is not None)) for _, _, pk, since, is_active in rows if is_active]
    yield _gauge("template_held", "1: WeChat refuses the template, it waits", ["template"], held)


def _lanes() -> Iterator[Metric]:
    now = timezone.now()
    pks = [one.pk for one in _active()]
    ages = {(pk, priority.word): 0.0 for pk in pks for priority in Priority}
    depths = dict(ages)
    for one, found in waiting(now).items():
        labels = (one.account_id, one.priority.word)
        ages[labels] = (now - found.since).total_seconds()
        depths[labels] = float(found.count)
    labels_of = ["account", "priority"]
    yield _gauge("queue_age_seconds", "How long the first message is due", labels_of, ages.items())
    text = f"Due messages that wait; {MOST_ROWS} are {MOST_ROWS} or more"
    yield _gauge("queue_rows", text, labels_of, depths.items())
    sending = Message.objects.filter(state=State.SENDING, lease_until__isnull=False).order_by()
    in_flight = dict(sending.values_list("account").annotate(Count("pk")))
    text = "Messages that a worker holds"
    yield _gauge("in_flight", text, ["account"], [((pk,), in_flight.get(pk, 0)) for pk in pks])


def _gates() -> Iterator[Metric]:
    now, labels = timezone.now(), ["account"]
    accounts = _active()
    found = [
        (one, how, Limits.of(one))
        for one, how in zip(accounts, gate.conditions(accounts, now), strict=True)
    ]
    opened = [
        ((one.pk,), (now - how.open_since).total_seconds() if how.open_since else 0.0)
        for one, how, _ in found
    ]
    yield _gauge(
        "account_stopped_seconds", "How long the breaker is open; 0: it is closed", labels, opened
    )
    parked = [((one.pk,), float(how.parked_until is not None)) for one, how, _ in found]
    yield _gauge("account_parked", "1: normal and bulk wait for the quota's reset", labels, parked)
    paced = [((one.pk,), how.per_second) for one, how, _ in found if how.per_second is not None]
    text = "Messages a second, while the pace is below the operator's ceiling"
    yield _gauge("account_pace", text, labels, paced)
    used = [((one.pk,), float(how.sent_today)) for one, how, _ in found]
    yield _gauge("quota_used", "Messages of today in China that count", labels, used)
    counted = [(one.pk, limit) for one, _, limit in found if limit.daily]
    limits = [((pk,), float(limit.daily)) for pk, limit in counted]
    yield _gauge("quota_limit", "Messages a day that are allowed", labels, limits)
    reserves = [((pk,), float(limit.reserve)) for pk, limit in counted]
    yield _gauge("quota_reserve", "So many of them are kept for urgent ones", labels, reserves)


def _tokens() -> Iterator[Metric]:
    shared = cast(TokenCache, cache)
    told = [((one.pk,), *fetches(shared, one.appid)) for one in _active()]
    now = timezone.now().timestamp()
    counts = [(pk, float(count)) for pk, count, _ in told]
    yield _count("token_fetches", "Access tokens fetched from WeChat", ["account"], counts)
    ages = [(pk, now - at) for pk, _, at in told if at]
    yield _gauge("token_age_seconds", "Since the last token was fetched", ["account"], ages)


def _today() -> Iterator[Metric]:
    """Counters that begin again at midnight, as Prometheus allows; what is asked for by alerts at
    0, for the first hundred of a burst would be no increase."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rows = MessageCount.objects.filter(span=Span.HOUR, begins__gte=midnight).order_by()
    states = rows.exclude(state=ANSWER).values_list("account_id", "template_id", "state")
    known = MessageTemplate.objects.filter(account__is_active=True).order_by("pk")
    told = {(*one, state): 0.0 for one in known.values_list("account", "pk") for state in TOLD}
    told |= {tuple(labels): float(count) for *labels, count in states.annotate(Sum("count"))}
    labels = ["account", "template", "state"]
    yield _count("messages", "Messages of today by what became of them", labels, told.items())
    refused = rows.filter(state=ANSWER).values_list("account_id", "template_id", "errcode")
    sums = [(labels, float(count)) for *labels, count in refused.annotate(Sum("count"))]
    labels = ["account", "template", "errcode"]
    yield _count("refusals", "WeChat's answers of today that were no success", labels, sums)


def _queues() -> Iterator[Metric]:
    now, names = timezone.now(), [*settings.RQ_QUEUES]
    waiting = [((name,), float(queue(name).count)) for name in names]
    yield _gauge("rq_jobs", "Jobs that wait", ["queue"], waiting)
    failed = [((name,), float(queue(name).failed_job_registry.count)) for name in names]
    yield _gauge("rq_failed_jobs", "Jobs that failed and are kept", ["queue"], failed)
    workers = seen_workers()
    yield _gauge("rq_workers", "Workers that are known", [], [((), float(len(workers)))])
    listen = Counter(name for worker in workers for name in worker.queues)
    listening = [((name,), float(listen[name])) for name in names]
    yield _gauge("queue_workers", "Workers that listen to it", ["queue"], listening)
    ages = [
        (now - one.heartbeat).total_seconds() for one in workers if one.heartbeat and one.is_heard
    ]
    text = "Of the worker that was silent for the longest time, those of the background left out"
    yield _gauge("rq_heartbeat_seconds", text, [], [((), max(ages, default=0.0))])
    beat = last_beat()
    silent = [((), (now - beat).total_seconds())] if beat else []
    yield _gauge("clock_silent_seconds", "Since a clock last did its work", [], silent)
    known = works().items()
    since = [((name,), (now - at).total_seconds()) for name, (at, _) in known]
    text = "Since one of the clock's works last succeeded"
    yield _gauge("clock_work_age_seconds", text, ["work"], since)
    between = [((name,), every) for name, (_, every) in known]
    yield _gauge("clock_work_every_seconds", "Between two times of it", ["work"], between)


def _webhooks() -> Iterator[Metric]:
    rows = WebhookDelivery.objects.filter(due_at__isnull=False).order_by()
    known = dict.fromkeys(WebhookEndpoint.objects.order_by("pk").values_list("pk", flat=True), 0)
    found = Counter(known | dict(rows.values_list("endpoint").annotate(Count("pk"))))
    text = f"Events that wait for an endpoint; of the {MOST} with the most"
    waiting = [((pk.hex,), float(count)) for pk, count in found.most_common(MOST)]
    yield _gauge("webhook_waiting", text, ["endpoint"], waiting)


def _anomalies() -> Iterator[Metric]:
    """Those that somebody has silenced are left out."""
    rows = Anomaly.objects.filter(state=AnomalyState.OPEN, is_silenced=False).order_by()
    found = {(one.pk, word): 0.0 for one in _active() for word in Measure.values}
    for account, measure, count in rows.values_list("account", "measure").annotate(Count("pk")):
        found[account, measure] = float(count)
    text = "Anomalies that go on, by what is unusual"
    yield _gauge("anomalies", text, ["account", "measure"], found.items())
    tries = Anomaly.objects.filter(mail_due__isnull=False).aggregate(most=Max("mail_tries"))
    text = "Times that an e-mail about anomalies was tried in vain"
    yield _gauge("anomaly_mail_tries", text, [], [((), float(tries["most"] or 0))])


SECTIONS: dict[str, Callable[[], Iterator[Metric]]] = {
    "names": _names,
    "lanes": _lanes,
    "gates": _gates,
    "tokens": _tokens,
    "today": _today,
    "queues": _queues,
    "webhooks": _webhooks,
    "anomalies": _anomalies,
}
TOLD = (State.SENT, State.FAILED, State.DELIVERED, State.UNDELIVERED)
WITHOUT_DATABASE = frozenset({"queues"})
