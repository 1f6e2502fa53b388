"""Windows judged one after the other by the code that the clock runs, weeks in a minute."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from notifier.anomalies.judgement import RULES, judge
from notifier.anomalies.standing import Standing, Window
from notifier.anomalies.watch import known_usual, no_example_from
from notifier.models import Anomaly, Measure, MeasuredWindow
from notifier.models.anomalies import LIVE

Rows = dict[int, dict[datetime, MeasuredWindow]]


def replay(
    account: int, templates: list[int], rows: Rows, times: Iterable[datetime], width: timedelta
) -> list[Anomaly]:
    """What was raised. `rows` by 0 and the places of `templates`, from 1 on."""
    ids = dict(enumerate([0, *templates]))
    live: dict[Measure, list[Anomaly]] = {}
    for begins in times:
        window = Window(begins, begins + width, begins + width)
        for measure, rule in RULES.items():
            at = begins - width if rule.is_late else begins
            own = live.get(measure, [])
            before = no_example_from(own, at)
            verdicts = {}
            for place, known in rows.items():
                usual = known_usual(own, ids[place]) if before < at else None
                if verdict := judge(rule, known, at, width, before, usual):
                    verdicts[ids[place]] = verdict
            if own or any(one.is_bad for one in verdicts.values()):
                Standing(account, measure, own).advance(verdicts, window, [])
                going = Anomaly.objects.filter(account=account, measure=measure, state__in=LIVE)
                live[measure] = list(going)
    told = Anomaly.objects.filter(account=account).exclude(told_at=None)
    return list(told.order_by("begun_at"))
