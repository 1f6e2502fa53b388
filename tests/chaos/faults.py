"""What goes wrong in a storm, and when: every kind once a round, at moments the seed decides.

A fault is a generator: it strikes, yields how many seconds it lasts, and lifts what it did.
"""

import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

from django.db import Error, connection
from redis import RedisError

from notifier.dispatch.lanes import redis
from notifier.models import Message, State
from templates_app.models import OfficialAccount
from tests.chaos.stage import LEASE_SECONDS, Player, Stage

ROUND_SECONDS = 24.0
STOP_SECONDS = LEASE_SECONDS + 3.0
"""A stopped worker comes back when its rows are another's, or already sent by that one."""
STRIKE_SECONDS = 10.0
BUSY = 10
"""Rows that a worker holds when it is worth striking."""


@dataclass
class Scene:
    """What a fault may touch, with dice of its own, so that no fault changes another's throws."""

    stage: Stage
    dice: random.Random
    account: OfficialAccount
    """The one that WeChat's faults strike; by turns."""
    held: Counter[str]
    """Rows that the struck workers held at that moment, by kind."""


Fault = Callable[[Scene], Iterator[float]]


def kill_worker(scene: Scene) -> Iterator[float]:
    victim = yield from _busy_worker(scene, "kill -9 of a worker")
    if victim is not None:
        victim.kill()


def stop_worker(scene: Scene) -> Iterator[float]:
    victim = yield from _busy_worker(scene, "SIGSTOP of a worker beyond its lease")
    if victim is not None:
        victim.stop()
        yield STOP_SECONDS
        victim.go_on()


def _busy_worker(scene: Scene, kind: str) -> Generator[float, None, Player | None]:
    """The worker that holds the most rows, soon: to strike an idle one would prove little."""
    victim, most = None, -1
    for _ in range(20):
        held = {worker: _rows_of(worker) for worker in scene.stage.workers if worker.is_running()}
        victim = max(held, key=lambda worker: held[worker], default=None)
        most = held.get(victim, 0) if victim else 0
        if most >= BUSY:
            break
        yield 0.1
    scene.held[kind] += most
    return victim


def _rows_of(worker: Player) -> int:
    try:
        return Message.objects.filter(
            state=State.SENDING, claimed_by__contains=f":{worker.pid}:"
        ).count()
    except Error:
        connection.close()
        return 0


def kill_web(scene: Scene) -> Iterator[float]:
    scene.stage.player("web").kill()
    yield from ()


def kill_clock(scene: Scene) -> Iterator[float]:
    scene.stage.player("clock").kill()
    yield from ()


def flush_redis(scene: Scene) -> Iterator[float]:
    while True:
        try:
            redis().flushall()
            return
        except RedisError:  # it is being restarted
            yield 0.2


def restart_redis(scene: Scene) -> Iterator[float]:
    scene.stage.redis.kill()
    yield 1.0
    scene.stage.redis.start()


def restart_postgresql(scene: Scene) -> Iterator[float]:
    scene.stage.postgresql.crash_and_restart()
    yield from ()


def some_calls(least: int, most: int, **fault: str | float) -> Fault:
    """WeChat deals with so many calls of the account in that way."""

    def strike(scene: Scene) -> Iterator[float]:
        times = scene.dice.randint(least, most)
        scene.stage.control(
            "POST", "/faults", {"appid": scene.account.appid, "times": times} | fault
        )
        yield from ()

    return strike


def kill_token(scene: Scene) -> Iterator[float]:
    scene.stage.control("POST", "/kill-token", {"appid": scene.account.appid})
    yield from ()


def steal_token(scene: Scene) -> Iterator[float]:
    """Another program with the same secret forces a new token; ours dies a second later."""
    account = scene.account
    short = {"appid": account.appid, "token_lifetime": 24}  # the overlap is a 24th of it
    scene.stage.control("POST", "/accounts", short)
    body = {"grant_type": "client_credential", "appid": account.appid, "force_refresh": True}
    scene.stage.session().post(
        f"{scene.stage.simulator_url}/cgi-bin/stable_token",
        json=body | {"secret": account.app_secret},
        timeout=10,
    )
    scene.stage.control("POST", "/accounts", short | {"token_lifetime": 7200})
    yield from ()


def receipts(seconds: float, usual: float | bool, **changed: float | bool) -> Fault:
    def strike(scene: Scene) -> Iterator[float]:
        scene.stage.control("POST", "/receipts", changed)
        yield seconds
        scene.stage.control("POST", "/receipts", dict.fromkeys(changed, usual))

    return strike


FAULTS: dict[str, tuple[Fault, float]] = {
    "kill -9 of a worker": (kill_worker, 0),
    "SIGSTOP of a worker beyond its lease": (stop_worker, STOP_SECONDS),
    "kill -9 of the web process": (kill_web, 12),
    "kill -9 of the clock": (kill_clock, 0),
    "Redis FLUSHALL": (flush_redis, 0),
    "Redis restart": (restart_redis, 1),
    "PostgreSQL restart": (restart_postgresql, 0),
    "WeChat: 5xx": (some_calls(10, 40, http_status=502), 3),
    "WeChat: -1 burst": (some_calls(20, 60, errcode=-1), 3),
    "WeChat: reset before accepting": (some_calls(5, 30, action="reset_before_accept"), 3),
    "WeChat: reset after accepting": (some_calls(5, 30, action="reset"), 3),
    "WeChat: time-out after accepting": (some_calls(5, 20, action="timeout_after_accept"), 3),
    "WeChat: slow": (some_calls(20, 60, action="slow", seconds=1.5), 3),
    "WeChat: HTML page": (some_calls(5, 30, action="html"), 3),
    "WeChat: token killed": (kill_token, 0),
    "WeChat: token stolen": (steal_token, 0),
    "receipts lost": (receipts(4, 0.0, lose=0.5), 4),
    "receipts doubled": (receipts(4, 0.0, duplicate=0.5), 4),
    "receipts early": (receipts(4, False, early=True), 4),
    "receipts reordered": (receipts(4, False, reorder=True), 4),
}
"""Each with the seconds it lasts, so that it is over when its round is; WeChat's need some to find
their calls. For half a minute after the web process died, callers are told that their request is
still running."""


@dataclass
class Schedule:
    """The faults of a storm in the order of their moments."""

    stage: Stage
    seed: int
    seconds: float
    accounts: list[OfficialAccount]
    kinds: list[str]
    struck: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)

    def planned(self) -> list[tuple[float, str, Scene]]:
        plan = []
        for number in range(max(1, round(self.seconds / ROUND_SECONDS))):
            for kind in self.kinds:
                dice = random.Random(f"{self.seed}/{number}/{kind}")
                lasts = FAULTS[kind][1]
                at = number * ROUND_SECONDS + dice.uniform(0, ROUND_SECONDS - lasts)
                # By turns: WeChat lets a token be forced every 30 seconds at most.
                account = self.accounts[number % len(self.accounts)]
                plan.append((at, kind, Scene(self.stage, dice, account, self.held)))
        return sorted(plan, key=lambda fault: fault[0])

    def run(self) -> None:
        """Returns when the last fault is over and all are lifted."""
        started, order = time.monotonic(), itertools.count()
        acts: list[tuple[float, int, str, Iterator[float]]] = []
        for at, kind, scene in self.planned():
            heapq.heappush(acts, (at, next(order), kind, FAULTS[kind][0](scene)))
        begun: set[int] = set()
        try:
            while acts:
                at, number, kind, fault = heapq.heappop(acts)
                time.sleep(max(0.0, started + at - time.monotonic()))
                self.struck[kind] += number not in begun
                begun.add(number)
                for lasts in itertools.islice(fault, 1):
                    heapq.heappush(acts, (time.monotonic() - started + lasts, number, kind, fault))
            self._let_them_strike()
        finally:
            for _, number, _, fault in acts:
                if number in begun:
                    list(fault)
            self.stage.control("DELETE", "/faults")

    def _let_them_strike(self) -> None:
        """While workers start again after the last restarts, WeChat's faults meet no call."""
        deadline = time.monotonic() + STRIKE_SECONDS
        while time.monotonic() < deadline and self.stage.control("GET", "/state")["faults"]:
            time.sleep(0.2)
