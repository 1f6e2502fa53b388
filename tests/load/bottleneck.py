"""What holds the platform up, asked in the article's order: processor? memory? database? the pool
of connections? WeChat? The first that is full is named, with the figures that say so; full callers,
too: they could have asked for more."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.load.facts import Run, Step

MACHINE_FULL = 85.0
"""Per cent of all cores; the rest is what the kernel and the sampling do not account for."""
PROCESS_FULL = 90.0
"""Per cent of one core: all that an interpreter with its lock can have."""
MEMORY_LEAST = 10.0
DATABASE_WAITS = 0.5
"""Of the active sessions, so many wait for a lock or the disk."""
POOL_FULL = 0.95
WECHAT_SLOW = 3.0
"""Its answers take so many times as long as in the first step."""
BEHIND = 0.9
OURS = ("web", "worker", "clock", "PostgreSQL", "Redis")


@dataclass(frozen=True, slots=True)
class Limits:
    cores: int
    pool: int
    """DISPATCH_CONNECTIONS of one worker."""


@dataclass(frozen=True, slots=True)
class Verdict:
    what: str
    because: str
    """With the figures."""


def bottleneck(run: Run, limits: Limits) -> Verdict:
    step = run.saturated
    for what, ask in QUESTIONS:
        if because := ask(run, step, limits):
            return Verdict(what, because)
    return Verdict(
        "none", "nothing was full: more users would have been answered, or too few asked"
    )


def behind(step: Step) -> str:
    """Whether dispatch keeps up with what is accepted. A campaign beside it takes what is left."""
    if not step.waiting or step.own_sent >= step.accepted * BEHIND:
        return ""
    return (
        f"{step.accepted:,.0f} messages/s were accepted and {step.own_sent:,.0f} sent: the rest "
        f"waits ({step.waiting:,} at the end)"
    )


def _cpu(run: Run, step: Step, limits: Limits) -> str:
    largest = sorted(step.cpu.items(), key=lambda item: -item[1])
    shares = ", ".join(f"{name} {share:.0f} %" for name, share in largest[:4])
    if step.machine_cpu >= MACHINE_FULL:
        return (
            f"the machine's {limits.cores} cores are at {step.machine_cpu:.0f} %; of one core take "
            f"{shares}"
        )
    counts = {"web": run.web, "worker": run.workers}
    for name, share in largest:
        if name in counts and share / counts[name] >= PROCESS_FULL:
            return (
                f"{name} is at {share / counts[name]:.0f} % of one core each, all that one "
                f"interpreter can use, while the machine is at {step.machine_cpu:.0f} %"
            )
    return ""


def _beside(name: str, least: float, _run: Run, step: Step, _limits: Limits) -> str:
    """One process, which takes all of its core, and so many times what is measured takes."""
    share = step.cpu.get(name, 0.0)
    ours = sum(step.cpu.get(one, 0.0) for one in OURS)
    return BESIDE[name].format(share) if share >= max(PROCESS_FULL, least * ours) else ""


def _memory(_run: Run, step: Step, _limits: Limits) -> str:
    if step.memory_free >= MEMORY_LEAST:
        return ""
    return f"{step.memory_free:.0f} % of the memory was free"


def _database(_run: Run, step: Step, _limits: Limits) -> str:
    seen = step.database
    if seen.active < 1 or seen.waiting / seen.active < DATABASE_WAITS:
        return ""
    return f"of {seen.active:.1f} sessions at work {seen.waiting:.1f} wait for a lock or the disk"


def _pool(run: Run, step: Step, limits: Limits) -> str:
    most = limits.pool * run.workers
    if step.wechat_connections < most * POOL_FULL or not behind(step):
        return ""
    return (
        f"{step.wechat_connections} of {most} connections to WeChat were in use and a claimed "
        f"message waited {step.pool_p95 or 0:.2f} s (p95) for one"
    )


def _wechat(run: Run, step: Step, _limits: Limits) -> str:
    first = run.steps[0].wechat_mean
    if not (first and step.wechat_mean and behind(step)):
        return ""
    if step.wechat_mean < first * WECHAT_SLOW:
        return ""
    return f"its answers took {step.wechat_mean:.2f} s, {first:.2f} s in the first step"


BESIDE = {
    "callers": "they take {:.0f} % of one core, all they can, and ask for no more: add others",
    "simulator": "it takes {:.0f} % of one core, all it can: neither WeChat nor Hongyan is full",
}
"""One process each, however many Hongyan has."""
QUESTIONS: list[tuple[str, Callable[[Run, Step, Limits], str]]] = [
    *((name, partial(_beside, name, 1.0)) for name in BESIDE),
    ("processor", _cpu),
    ("memory", _memory),
    ("database", _database),
    ("pool of connections", _pool),
    ("WeChat", _wechat),
    *((name, partial(_beside, name, 0.0)) for name in BESIDE),
]
