"""Looks at the processes, the database and /metrics while the callers ask."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

import psutil
import requests
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from tests.load.facts import Database

EVERY_SECONDS = 0.5
SESSIONS = """
SELECT count(*),
  count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()),
  count(*) FILTER (WHERE state = 'active' AND pid <> pg_backend_pid()
    AND wait_event_type IN ('Lock', 'LWLock', 'IO', 'BufferPin'))
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""
Trees = Callable[[], dict[str, list[psutil.Process]]]
"""The processes there are now, by what they are, children included."""
Histogram = dict[float, float]
"""Upper bound -> how many were not above it."""


@dataclass(frozen=True, slots=True)
class Seen:
    cpu: dict[str, float]
    memory: dict[str, float]
    machine_cpu: float
    memory_free: float
    database: Database
    wechat_connections: int


class Watch:
    """Enter it to look, leave it to have `seen`."""

    def __init__(self, trees: Trees, wechat_port: int) -> None:
        self.seen: Seen | None = None
        self._trees = trees
        self._wechat_port = wechat_port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch")

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        began, busy = time.monotonic(), cpu_seconds(self._trees())
        psutil.cpu_percent()
        memory: dict[str, float] = defaultdict(float)
        free, connections, rows = 100.0, 0, []
        while not self._ended.wait(EVERY_SECONDS):
            trees = self._trees()
            for name, value in _memory(trees).items():
                memory[name] = max(memory[name], value)
            state = psutil.virtual_memory()
            free = min(free, 100 * state.available / state.total)
            connections = max(connections, _connections(trees["worker"], self._wechat_port))
            with connection.cursor() as cursor:
                cursor.execute(SESSIONS)
                rows.append(cursor.fetchone())
        took, after = time.monotonic() - began, cpu_seconds(self._trees())
        connection.close()  # this thread's
        cpu = {name: 100 * (after[name] - busy.get(name, 0.0)) / took for name in after}
        cores = psutil.cpu_count() or 1
        machine = psutil.cpu_percent()
        cpu["others"] = max(machine * cores - sum(cpu.values()), 0.0)
        sessions, active, waiting = (mean(column) for column in zip(*rows, strict=True))
        self.seen = Seen(
            cpu,
            dict(memory),
            machine,
            free,
            Database(sessions, active, waiting),
            connections,
        )


class Metrics:
    """/metrics of the platform, as the difference between two looks."""

    def __init__(self, web: str) -> None:
        self._web = web
        self._before = self._read()

    def since(self) -> Callable[[str], Histogram]:
        """-> the histogram of a name, all labels but `le` added up."""
        now, before = self._read(), self._before

        def histogram(name: str) -> Histogram:
            return {at: n - before[name].get(at, 0.0) for at, n in now[name].items()}

        return histogram

    def _read(self) -> dict[str, Histogram]:
        answer = requests.get(f"{self._web}/metrics", timeout=10)
        answer.raise_for_status()
        found: dict[str, Histogram] = defaultdict(lambda: defaultdict(float))
        for family in text_string_to_metric_families(answer.text):
            for one in family.samples:
                if one.name.endswith("_bucket"):
                    found[family.name][float(one.labels["le"])] += one.value
                elif one.name.endswith("_sum"):
                    found[family.name + "_sum"][0.0] += one.value
        return found


def percentile(histogram: Histogram, share: float) -> float | None:
    """Seconds, straight between two bounds, as Prometheus' histogram_quantile; None: nothing."""
    bounds = sorted(histogram)
    if not bounds or not histogram[bounds[-1]]:
        return None
    wanted, low, below = histogram[bounds[-1]] * share, 0.0, 0.0
    for bound in bounds:
        if histogram[bound] >= wanted:
            if bound == float("inf"):
                return low
            within = histogram[bound] - below
            return low + (bound - low) * (wanted - below) / within if within else bound
        low, below = bound, histogram[bound]
    return low


def cpu_seconds(trees: dict[str, list[psutil.Process]]) -> dict[str, float]:
    """Since each of them began; with its children that ended."""
    found: dict[str, float] = {}
    for name, processes in trees.items():
        found[name] = 0.0
        for one in processes:
            try:
                times = one.cpu_times()
            except psutil.Error:  # it has ended
                continue
            found[name] += sum(times[:4])  # user, system; of its children that ended the same
    return found


def _memory(trees: dict[str, list[psutil.Process]]) -> dict[str, float]:
    """Of PostgreSQL what is not shared: its buffers are counted in each of its processes."""
    found: dict[str, float] = {}
    for name, processes in trees.items():
        found[name] = 0.0
        for one in processes:
            try:
                seen = one.memory_info()
            except psutil.Error:
                continue
            found[name] += (seen.rss - (seen.shared if name == "PostgreSQL" else 0)) / 2**20
    return found


def _connections(workers: list[psutil.Process], port: int) -> int:
    count = 0
    for one in workers:
        try:
            found = one.net_connections("tcp")
        except psutil.Error:
            continue
        count += sum(bool(c.raddr) and c.raddr.port == port for c in found)
    return count
