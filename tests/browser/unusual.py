"""Anomalies in each state, the windows behind one of them, and silences."""

from datetime import timedelta
from typing import Any

from notifier.models import MeasuredWindow
from tests import builders
from tests.builders import now

FIVE = timedelta(minutes=5)


def anomalies(world: Any) -> None:
    account, template = world.account, world.template
    stopped = world.stopped
    begun = now().replace(minute=0, second=0, microsecond=0) - timedelta(minutes=20)
    of = {"begun_at": begun, "facts": {"errcodes": {"40037": 31, "47003": 9, "-1": 1}}}
    both = [world.held.pk, world.drifted.pk]
    late = {"measure": "receipt_lag", "value": 41_500, "worst": 300_000, "usual": 2_300}
    slow = {"measure": "latency", "value": 1_830, "worst": 2_410, "usual": 190, "limit": 390}
    over = {"state": "ended", "ended_at": now(), "facts": {}}
    world.rows |= {
        "unusual": builders.make_anomaly(account, template, **of),
        "unusual_many": builders.make_anomaly(
            account, templates=both, limit=7_300, basis="day", points=14, facts={}, **late
        ),
        "unusual_silenced": builders.make_anomaly(stopped, is_silenced=True, facts={}, **slow),
        "unusual_ended": builders.make_anomaly(
            account, world.held, measure="refusal", ended_because="usual", **over
        ),
        "unusual_left": builders.make_anomaly(
            account, world.drifted, measure="refusal", ended_because="not_judged", **over
        ),
        "unusual_quota": builders.make_anomaly(account, measure="quota", facts=builders.QUOTA),
        "unusual_queue": builders.make_anomaly(account, measure="queue", facts=builders.QUEUE),
        "silence": builders.make_silence(stopped, measure="latency", created_by="li.ming"),
    }
    world.rows["unusual_part"] = builders.make_anomaly(
        account,
        world.held,
        part_of=world.rows["unusual_many"],
        ended_because="taken_in",
        **over | late,
    )
    builders.make_silence(account, template, until=now() - timedelta(days=2))
    MeasuredWindow.objects.bulk_create(
        MeasuredWindow(
            account_id=account.pk,
            template_id=template.pk,
            begins=begun + n * FIVE,
            tried=340 + 7 * n,
            failed=41 if n >= 0 else 1,
        )
        for n in range(-6, 5)
    )
