"""Runs what Hongyan is compared with, in an environment of its own."""

import os
import subprocess

from config.env import BASE_DIR
from templates_app.models import OfficialAccount
from tests.benchmarks.bodies import TEMPLATE
from tests.simulator.process import SimulatorProcess

PYTHON = BASE_DIR / ".venv-rivals/bin/python"
RIVALS = (
    ("RQ Worker + wechatpy, a job a message", ("rq_worker", "Worker"), 30),
    ("RQ SimpleWorker + wechatpy, a job a message", ("rq_worker", "SimpleWorker"), 10),
    ("Celery, 16 threads, + requests, a task a message", ("celery_worker",), 5),
    ("loop of requests.post without a session", ("plain_loop",), 10),
)
"""(name, module and arguments, the part of the count that it runs: the slow ones run less)"""


class Rivals:
    def __init__(self, simulator: SimulatorProcess) -> None:
        account = OfficialAccount.objects.get()
        redis = os.environ["REDIS_URL"].removeprefix("unix://").partition("?")[0]
        self._environment = os.environ | {
            "RIVAL_API": simulator.url,
            "RIVAL_REDIS": redis,
            "RIVAL_APPID": account.appid,
            "RIVAL_SECRET": account.app_secret,
            "RIVAL_TEMPLATE": TEMPLATE,
        }

    def measure(self, arguments: tuple[str, ...], count: int) -> float:
        module, *rest = arguments
        answer = subprocess.run(
            [PYTHON, "-W", "ignore", "-m", f"tests.benchmarks.rivals.{module}", *rest, str(count)],
            env=self._environment,
            cwd=BASE_DIR,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
        )
        return float(answer.stdout.split()[-1])
