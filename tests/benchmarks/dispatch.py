"""Dispatch through PostgreSQL against the bare thread loop over one session, in one run."""

import requests

from notifier.models import Recipient
from tests import builders
from tests.benchmarks.bodies import CONTENT, PATTERNS, TEMPLATE, openid
from tests.benchmarks.environment import Row, measured, median
from tests.simulator.process import SimulatorProcess


def compare(count: int, rounds: int) -> list[Row]:
    simulator = SimulatorProcess([])
    try:
        url = _prepare(simulator)
        threads = "8"
        bare, ours = [], []
        for _ in range(rounds):
            bare.append(measured("tests.benchmarks.bare_loop", url, str(count), threads))
            ours.append(measured("tests.benchmarks.our_loop", str(count)))
    finally:
        simulator.stop()
    return [
        {"what": f"bare loop, {threads} threads, one Session", "rate": median(bare), "ratio": 1.0},
        {
            "what": "dispatch, one process, PostgreSQL",
            "rate": median(ours),
            "ratio": median([mine / theirs for mine, theirs in zip(ours, bare, strict=True)]),
        },
    ]


def _prepare(simulator: SimulatorProcess) -> str:
    account = builders.make_account(api_base_url=simulator.url)
    template = builders.make_template(
        account, patterns=PATTERNS, content=CONTENT, wechat_template_id=TEMPLATE
    )
    Recipient.objects.bulk_create(
        Recipient(account=account, openid=openid(number)) for number in range(1000)
    )
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
    secret = {"appid": account.appid, "secret": account.app_secret}
    body = {"grant_type": "client_credential"} | secret
    token = requests.post(f"{simulator.url}/cgi-bin/stable_token", json=body, timeout=5).json()
    return f"{simulator.url}/cgi-bin/message/template/send?access_token={token['access_token']}"
