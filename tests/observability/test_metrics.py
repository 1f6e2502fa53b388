"""/metrics, as Prometheus reads it."""

import re

from notifier.models import State
from tests.builders import magic


def value(client, name, **headers):
    text = client.get("/metrics", headers=headers).content.decode()
    return sum(float(number) for number in re.findall(rf"^{name} ([0-9.e+]+)$", text, re.MULTILINE))


def test_messages_are_counted_from_acceptance_to_their_state(platform, work, client):
    account = f'account="{platform.account.pk}"'
    names = [
        rf'hongyan_accepted_total\{{{account},priority="normal"\}}',
        *(
            rf'hongyan_settled_total\{{{account},state="{state}"\}}'
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


def test_no_person_and_no_secret_is_in_them(platform, work, client):
    message = platform.message()
    work()
    text = client.get("/metrics").content.decode()
    for private in (message.openid, platform.account.app_secret, platform.account.appid, "A-1001"):
        assert private not in text


def test_with_a_token_only_those_who_know_it_may_read(client, settings):
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
