"""Dispatch through PostgreSQL against the bare thread loop over one session, in one run."""

from collections.abc import Iterator

import requests

from notifier.models import Recipient
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders
from tests.benchmarks.bodies import CONTENT, PATTERNS, TEMPLATE, openid
from tests.benchmarks.environment import Row, measured, with_ratios
from tests.benchmarks.rivals_run import RIVALS, Rivals
from tests.simulator.process import SimulatorProcess

THREADS = "8"
SLOW_MS = 100


def compare(count: int, rounds: int) -> list[Row]:
    """Each round runs all of them, one after the other; ratios are within a round."""
    simulator = SimulatorProcess([])
    found: dict[str, list[float]] = {}
    try:
        url = prepare(simulator)
        rivals = Rivals(simulator)
        for _ in range(rounds):
            for name, rate in _round(simulator, url, rivals, count):
                found.setdefault(name, []).append(rate)
    finally:
        simulator.stop()
    return with_ratios(found)


def _round(
    simulator: SimulatorProcess, url: str, rivals: Rivals, count: int
) -> Iterator[tuple[str, float]]:
    yield (
        f"bare loop, {THREADS} threads, one Session",
        measured("tests.benchmarks.bare_loop", url, str(count), THREADS),
    )
    before = _connections(simulator)
    yield "dispatch, one process, PostgreSQL", measured("tests.benchmarks.our_loop", str(count))
    opened = (_connections(simulator) - before) * 10_000 / count
    simulator.control("POST", "/latency", {"median_ms": SLOW_MS, "sigma": 0})
    yield (
        f"the same, WeChat answers in {SLOW_MS} ms",
        measured("tests.benchmarks.our_loop", str(count * 8)),
    )
    simulator.control("POST", "/latency", {"median_ms": 0})
    yield "connections opened for 10,000 messages", opened
    for name, arguments, share in RIVALS:
        yield name, rivals.measure(arguments, max(count // share, 100))


def _connections(simulator: SimulatorProcess) -> int:
    return int(simulator.control("GET", "/state")["connections_opened"])


def prepare(simulator: SimulatorProcess) -> str:
    """The address of a send, token included."""
    account = make_template(simulator).account
    secret = {"appid": account.appid, "secret": account.app_secret}
    body = {"grant_type": "client_credential"} | secret
    token = requests.post(f"{simulator.url}/cgi-bin/stable_token", json=body, timeout=5).json()
    return f"{simulator.url}/cgi-bin/message/template/send?access_token={token['access_token']}"


def make_template(simulator: SimulatorProcess) -> MessageTemplate:
    """Of an account with a thousand followers."""
    account = builders.make_account(api_base_url=simulator.url, daily_quota=0)
    template = builders.make_template(
        account, patterns=PATTERNS, content=CONTENT, wechat_template_id=TEMPLATE
    )
    Recipient.objects.bulk_create(
        Recipient(account=account, openid=openid(number)) for number in range(1000)
    )
    tell_simulator(simulator, account, template)
    return template


def tell_simulator(
    simulator: SimulatorProcess, account: OfficialAccount, template: MessageTemplate
) -> None:
    simulator.control(
        "POST",
        "/accounts",
        {
            "appid": account.appid,
            "secret": account.app_secret,
            "name": account.name,
            "any_openid": True,
            "send_quota": 100_000_000,
            "dedup_seconds": 1,
            "templates": [
                {
                    "template_id": TEMPLATE,
                    "title": template.name,
                    "content": CONTENT,
                }
            ],
        },
    )
