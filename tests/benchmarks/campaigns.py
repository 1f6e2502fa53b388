"""A campaign: its check, its sending beside the same messages made at once, and how long a pause
takes to hold.

python -m tests.benchmarks.campaigns [people]: two workers and a clock, on PostgreSQL.
"""

import sys
import time
from contextlib import ExitStack, suppress

from tests.benchmarks import environment  # isort: skip - starts the services first
from notifier.campaigns import job, states
from notifier.models import Campaign, CampaignState, Message, Recipient, RecipientGroup
from templates_app.models import MessageTemplate
from tests.benchmarks.bodies import DATA
from tests.benchmarks.dispatch import make_template
from tests.benchmarks.growth import measure, python, tune, until
from tests.simulator.process import SimulatorProcess

WORKERS = 2


def people(template: MessageTemplate, count: int) -> RecipientGroup:
    account = template.account
    Recipient.objects.bulk_create(
        (Recipient(account=account, openid=f"oCAM{number:024d}") for number in range(count)),
        batch_size=5_000,
        ignore_conflicts=True,
    )
    group = RecipientGroup.objects.create(account=account, name="everybody")
    through = Recipient.groups.through
    ids = Recipient.objects.filter(openid__startswith="oCAM").values_list("pk", flat=True)
    through.objects.bulk_create(
        (through(recipient_id=pk, recipientgroup_id=group.pk) for pk in ids.iterator()),
        batch_size=5_000,
    )
    return group


def checked(template: MessageTemplate, group: RecipientGroup) -> tuple[Campaign, float]:
    campaign = Campaign.objects.create(
        name="bench",
        account=template.account,
        version=template.published,
        data=DATA,
        audience="group",
        group=group,
        created_by="bench",
        canary_percent=0,
    )
    started = time.perf_counter()
    states.check(campaign.pk, "bench")
    job.check_audience(campaign.pk)
    seconds = time.perf_counter() - started
    if states.launch(campaign.pk, "bench") == CampaignState.SUBMITTED:
        states.approve(campaign.pk, "boss")
    return campaign, seconds


def received(simulator: SimulatorProcess, template: MessageTemplate) -> int:
    state = simulator.control("GET", "/state")
    appid = template.account.appid
    one = next(one for one in state["accounts"] if one["appid"] == appid)
    return int(one["counters"]["sends"])


def pause_at(simulator: SimulatorProcess, campaign: Campaign, count: int) -> tuple[float, int]:
    """Seconds until WeChat got the last message after a pause, and how many it got after it."""
    template = campaign.version.template
    before = received(simulator, template)
    until(lambda: received(simulator, template) - before > count)
    at_pause, pressed = received(simulator, template), time.perf_counter()
    states.pause_by(campaign.pk, "bench")
    last, last_at = at_pause, pressed
    while time.perf_counter() - pressed < 5:
        if (now := received(simulator, template)) != last:
            last, last_at = now, time.perf_counter()
        time.sleep(0.02)
    states.resume(campaign.pk)
    return last_at - pressed, last - at_pause


def send(simulator: SimulatorProcess, campaign: Campaign, count: int) -> tuple[float, float, int]:
    """Messages a second without the pause; the pause's seconds and messages."""
    with ExitStack() as stack:
        for command in ["worker"] * WORKERS + ["clock"]:
            stack.enter_context(python("manage.py", command))
        rows = Message.objects.filter(campaign=campaign)
        until(rows.exclude(sent_at=None).exists)
        started, already = time.perf_counter(), rows.exclude(sent_at=None).count()
        held, late = pause_at(simulator, campaign, count // 3)
        until(lambda: Campaign.objects.get(pk=campaign.pk).state == "done", seconds=1200)
        seconds = time.perf_counter() - started - 5
    return (count - already) / seconds, held, late


def main() -> None:
    environment.migrate()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    simulator = SimulatorProcess([])
    try:
        template, other = (make_template(simulator) for _ in range(2))
        tune()
        group = people(template, count)
        campaign, seconds = checked(template, group)
        rate, held, late = send(simulator, campaign, count)
        at_once = measure(simulator, count, template, other)
    finally:
        simulator.stop()
    print(f"check: {count:,} people in {seconds:.1f} s, {count / seconds:,.0f}/s")
    print(f"campaign: {rate:,.0f}/s; the same messages made before: {1 / at_once.seconds:,.0f}/s")
    print(f"pause: the last message {held:.2f} s after it, {late} messages after it")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
