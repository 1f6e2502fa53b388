"""/metrics, as Prometheus reads it."""

import re
import subprocess
import sys
from datetime import timedelta

import django_rq
import pytest
from django.utils import timezone
from prometheus_client import Histogram
from rq.utils import utcformat

from notifier import metrics
from notifier.dispatch import clock, works
from notifier.dispatch.lanes import redis
from notifier.models import Message, State
from notifier.observability import gauges
from templates_app.models import MessageTemplate, OfficialAccount
from templates_app.wechat import new_client
from tests.builders import magic
from tests.chaos.processes import until
from tests.shared_tokens import share
from tests.wechat.servers import free_address


def value(client, name, **headers):
    """The sum of the lines that `name`, a regular expression, is the whole name of."""
    text = client.get("/metrics", headers=headers).content.decode()
    return sum(float(number) for number in re.findall(rf"^{name} ([0-9.e+]+)$", text, re.MULTILINE))


def test_messages_are_counted_from_acceptance_to_their_state(platform, work, client):
    account = f'account="{platform.account.pk}"'
    names = [
        rf'hongyan_accepted_total\{{{account},priority="normal"\}}',
        *(
            rf'hongyan_settled_total\{{{account},priority="normal",state="{state}"\}}'
            for state in (State.SENT.value, State.FAILED.value)
        ),
        rf"hongyan_send_seconds_count\{{{account}\}}",
    ]
    before = [value(client, name) for name in names]
    platform.message()
    platform.message(magic("unfollowed"))
    work()
    after = [value(client, name) for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 1, 1, 2]


@pytest.mark.parametrize(
    "seconds",
    [[], [0.1, 0.5, 2.0], [0.04, 0.1, 0.10001, 0.3, 0.3, 0.5, 99, 0.0], [-0.001]],
    ids=["none", "bounds", "in each, one beyond all", "a clock was set"],
)
def test_many_are_observed_as_each_by_itself(seconds):
    labels = {"documentation": "-", "buckets": (0.1, 0.5, 2), "registry": None}
    many = metrics.ManyAtOnce("test_many", **labels)
    each = Histogram("test_each", **labels)
    many.observe_many(seconds)
    for one in seconds:
        each.observe(max(one, 0))
    found, wanted = (
        [(one.name.split("_")[-1], one.labels, one.value) for one in metric.collect()[0].samples]
        for metric in (many, each)
    )
    assert [one for one in found if one[0] != "created"] == [
        one for one in wanted if one[0] != "created"
    ]


NOTED = """
import os
from notifier import metrics
metrics.later.note(metrics.accepted, (987654321, "bulk"), 3)
child = os.fork()
metrics.later.note(metrics.accepted, (987654321, "bulk"), 1)
if child:
    os.waitpid(child, 0)
"""


def test_what_is_noted_is_counted_once_though_the_process_forks_and_ends(db, client):
    name = r'hongyan_accepted_total\{account="987654321",priority="bulk"\}'
    before = value(client, name)
    subprocess.run([sys.executable, "-c", NOTED], check=True, timeout=60)
    assert value(client, name) - before == 5


def test_what_is_noted_is_counted_soon_though_nobody_asks():
    labels = (987654321, "urgent")
    count = metrics.accepted.labels(*labels)
    before = count._value.get()
    metrics.later.note(metrics.accepted, labels, 2)
    until(lambda: count._value.get() == before + 2)


def test_no_person_and_no_secret_is_in_them(platform, work, client):
    message = platform.message()
    work()
    text = client.get("/metrics").content.decode()
    for private in (message.openid, platform.account.app_secret, platform.account.appid, "A-1001"):
        assert private not in text


def test_with_a_token_only_those_who_know_it_may_read(db, client, settings):
    settings.METRICS_TOKEN = "a-long-token"
    assert client.get("/metrics").status_code == 404
    wrong, right = ({"Authorization": f"Bearer {word}"} for word in ("x", "a-long-token"))
    assert client.get("/metrics", headers=wrong).status_code == 404
    assert client.get("/metrics", headers=right).status_code == 200


def test_in_production_there_is_no_page_without_a_token(client, settings):
    settings.HONGYAN_DEMO = False
    assert client.get("/metrics").status_code == 404


def test_the_phases_of_calls_are_counted(platform, work, client):
    where = f'account="{platform.account.pk}",host="127.0.0.1"'
    names = [
        rf'hongyan_wechat_phase_seconds_count\{{{where},phase="wait"\}}',
        rf'hongyan_wechat_phase_seconds_sum\{{{where},phase="wait"\}}',
        rf'hongyan_wechat_phase_seconds_bucket\{{{where},le="0.4",phase="wait"\}}',
    ]
    before = [value(client, name) for name in names]
    for _ in range(3):
        platform.message()
    work()
    platform.simulator.control("POST", "/latency", {"median_ms": 450, "sigma": 0})
    platform.message()
    work()
    calls, seconds, soon = (
        value(client, name) - old for name, old in zip(names, before, strict=True)
    )
    assert (calls, soon) == (4, 3)
    assert 0.45 <= seconds < 2


def test_what_was_lost_at_an_address_is_told_of_that_address(platform, work, client):
    account, dead = platform.account, "no-such-host.invalid"
    new_client(account).templates()  # it has a token: the call for one would find the address dead
    OfficialAccount.objects.filter(pk=account.pk).update(
        api_base_url=f"http://{dead}", backup_domains=platform.simulator.url
    )
    lost = r'hongyan_wechat_phase_seconds_count\{account="%d",host="%s",phase="lost"\}'
    names = [lost % (account.pk, host) for host in (dead, "127.0.0.1")]
    before = [value(client, name) for name in names]
    message = platform.message()
    work()
    message.refresh_from_db()
    after = [value(client, name) for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 0]
    assert message.state == State.SENT


def test_a_call_without_a_connection_is_not_taken_for_a_new_one(platform, work, client):
    account = platform.account
    share(account.appid, "token")
    OfficialAccount.objects.filter(pk=account.pk).update(api_base_url=free_address())
    name = r'hongyan_wechat_connections_total\{account="%d",connection="%s",host="127.0.0.1"\}'
    names = [name % (account.pk, word) for word in ("new", "none")]
    before = [value(client, name) for name in names]
    platform.message()
    work()
    after = [value(client, name) for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [0, 1]


def test_how_it_stands_is_told(platform, client, work):
    account, template = platform.account.pk, platform.template.pk
    sent = f'account="{account}",state="sent",template="{template}"'
    born = f"hongyan_messages_total{{{sent}}} 0.0"
    assert born in client.get("/metrics").content.decode().splitlines()
    first = platform.message()
    Message.objects.filter(pk=first.pk).update(due_at=timezone.now() - timedelta(seconds=90))
    platform.message()
    lane = f'account="{account}",priority="normal"'
    assert 90 <= value(client, rf"hongyan_queue_age_seconds\{{{lane}\}}") < 120
    assert value(client, rf"hongyan_queue_rows\{{{lane}\}}") == 2
    work()
    assert value(client, rf"hongyan_queue_rows\{{{lane}\}}") == 0
    assert value(client, rf'hongyan_quota_used\{{account="{account}"\}}') == 2
    assert value(client, rf'hongyan_token_fetches_total\{{account="{account}"\}}') == 1
    assert value(client, rf'hongyan_token_age_seconds\{{account="{account}"\}}') < 60
    slug, code = platform.account.slug, platform.template.code
    assert value(client, rf'hongyan_account_info\{{account="{account}",slug="{slug}"\}}') == 1
    told = f'account="{account}",code="{code}",template="{template}"'
    assert value(client, rf"hongyan_template_info\{{{told}\}}") == 1
    assert value(client, rf"hongyan_messages_total\{{{sent}\}}") == 2


def test_a_stopped_account_and_its_refusals_are_told(platform, client, work):
    account, template = platform.account.pk, platform.template.pk
    platform.message(magic("unfollowed"))
    work()
    refused = f'account="{account}",errcode="43004",template="{template}"'
    assert value(client, rf"hongyan_refusals_total\{{{refused}\}}") == 1
    stopped = rf'hongyan_account_stopped_seconds\{{account="{account}"\}}'
    assert value(client, stopped) == 0
    platform.configure(secret="another" + "0" * 25)
    platform.simulator.control("POST", "/kill-token", {"appid": platform.account.appid})
    platform.message()
    work()
    assert value(client, stopped) > 0


def test_workers_and_the_clock_are_told(db, client):
    clock.beat(timezone.now() - timedelta(seconds=40))
    workers = [django_rq.get_worker("normal", "bulk"), django_rq.get_worker("background")]
    for worker, silent in zip(workers, (70, 7000), strict=True):
        worker.register_birth()
        beat = utcformat(timezone.now() - timedelta(seconds=silent))
        redis().hset(worker.key, "last_heartbeat", beat)
    try:
        assert value(client, "hongyan_rq_workers") == 2
        for queue, count in (("urgent", 0), ("normal", 1), ("bulk", 1), ("background", 1)):
            assert value(client, rf'hongyan_queue_workers\{{queue="{queue}"\}}') == count
        assert 70 <= value(client, "hongyan_rq_heartbeat_seconds") < 100
        assert 40 <= value(client, "hongyan_clock_silent_seconds") < 60
        works.done("old rows", 3600)
        assert value(client, r'hongyan_clock_work_age_seconds\{work="old rows"\}') < 20
        assert value(client, r'hongyan_clock_work_every_seconds\{work="old rows"\}') == 3600
    finally:
        for worker in workers:
            worker.register_death()


def test_what_is_switched_off_wakes_nobody(platform, client, work):
    account, template = f'account="{platform.account.pk}"', f'template="{platform.template.pk}"'
    stopped = rf"hongyan_account_stopped_seconds\{{{account}\}}"
    held = rf"hongyan_template_held\{{{template}\}}"
    fault = {"path": "/cgi-bin/message/template/send", "errcode": 48001, "times": 9}
    platform.simulator.control("POST", "/faults", fault)
    platform.message()
    work()
    MessageTemplate.objects.update(held_since=timezone.now())
    assert (value(client, stopped) > 0, value(client, held)) == (True, 1)
    OfficialAccount.objects.update(is_active=False)
    assert (value(client, stopped), value(client, held)) == (0, 0)


def silent(client):
    told = {
        one: value(client, rf'hongyan_answered\{{section="{one}"\}}') for one in gauges.SECTIONS
    }
    return {one for one, is_there in told.items() if not is_there}


@pytest.mark.usefixtures("dead_redis")
def test_without_redis_its_sections_are_left_out_and_said(platform, client, settings):
    """As the runbook's table has it (section-silent.md)."""
    dead = settings.CACHES["default"] | {"LOCATION": "unix:///nonexistent/redis.sock"}
    settings.CACHES = {"default": dead}
    assert silent(client) == {"queues", "gates", "tokens"}


def test_without_the_database_all_but_the_queues_are(client, no_database, caplog):
    """It is asked once, for each time can take as long as a connection may."""
    told = client.get("/metrics").content.decode()
    answered = dict(re.findall(r'hongyan_answered\{section="(\w+)"\} (\S+)', told))
    assert {one for one, there in answered.items() if there == "0.0"} == (
        set(gauges.SECTIONS) - {"queues"}
    )
    assert len([one for one in caplog.messages if "does not answer" in one]) == 1
