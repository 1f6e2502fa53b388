"""What is measured of one step, and what the report says of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Database:
    """Means over the step."""

    sessions: float
    active: float
    """At work on a statement."""
    waiting: float
    """Of the active: those that wait for a lock, a page or the disk."""


@dataclass(frozen=True, slots=True)
class Step:
    """`users` requests at once for `seconds`. Times are in seconds."""

    users: int
    seconds: float
    qps: float
    p50: float
    p95: float
    p99: float
    errors: float
    """Share of the requests, 0 to 1."""
    accepted: float
    """Messages a second."""
    sent: float
    """Messages a second that WeChat took, those of a campaign among them."""
    own_sent: float
    """Of the callers' messages alone."""
    waiting: int
    """The callers' due messages at the step's end."""
    to_wechat_p99: float | None
    """From the acceptance of the callers' messages to WeChat's answer, of those sent within it."""
    receipt_p50: float | None
    """From WeChat's answer to its receipt."""
    cpu: dict[str, float]
    """Per cent of one core, by process."""
    memory: dict[str, float]
    """MiB, the highest, by process."""
    machine_cpu: float
    """Per cent of all cores."""
    memory_free: float
    """Per cent of the machine's, the lowest."""
    database: Database
    wechat_connections: int
    """Most at once, of all workers."""
    pool_p95: float | None
    """From a claim to its call: the wait for a place among the calls in the air."""
    wechat_mean: float | None
    """WeChat's answer time, as the workers saw it."""

    @property
    def good(self) -> float:
        """Requests a second that were no error."""
        return self.qps * (1 - self.errors)


@dataclass(slots=True)
class Run:
    """One scenario, its steps in the order of their users."""

    name: str
    text: str
    web: int
    """Web processes."""
    workers: int
    steps: list[Step] = field(default_factory=list)

    @property
    def saturated(self) -> Step:
        """The step with the fewest users that has (nearly) the highest rate of good answers."""
        most = max(step.good for step in self.steps)
        return next(step for step in self.steps if step.good >= most * NEARLY)


NEARLY = 0.97
