"""Profiles of this process, as it is at work, and of processes in each trouble."""

import threading
import time

import msgspec

from notifier.books.book import LANGUAGES, RUNBOOKS, page_of
from notifier.dispatch.lanes import redis
from notifier.profiling import asking, channel
from notifier.profiling.asking import Run
from notifier.profiling.channel import Failure, Process, Result, What
from notifier.profiling.listener import listen, store
from notifier.profiling.memory import watch
from notifier.profiling.sampling import Sampler
from notifier.profiling.threads import stand
from tests.chaos.processes import until
from tests.profiling.burning import grow

DEAD = Process(
    id="0" * 16,
    name="worker-with-a-long-name-17",
    kind="worker",
    detail="urgent, receipts, normal, bulk",
    pid=4_194_304,
    host="hongyan-worker-6d5f9c7b8-x2kqz.production.internal",
    started=time.time() - 86_400,
    rss=187_000_000,
    threads=12,
)


def profiles() -> dict[str, str]:
    """The ids of the runs by what they show."""
    here = listen("web").facts()
    channel.note(DEAD)
    until(lambda: any(one.id == here.id for one in asking.processes()))
    busy = threading.Thread(target=read_books, args=(2.5,), name="ThreadPoolExecutor-0_3")
    growing = threading.Thread(target=grow, args=(2.5,))
    for one in (busy, growing):
        one.start()
    made = {
        "cpu": kept("cpu", here, Sampler({threading.get_ident()}).run(1)),
        "memory": kept("memory", here, watch(0.5)),
        "threads": kept("threads", here, stand(set())),
        "failed": kept("memory", DEAD, Failure("MemoryError")),
        "lost": kept("cpu", DEAD, None, time.time() - 600),
        "running": kept("cpu", DEAD, None, time.time() + 600),
    }
    for one in (busy, growing):
        one.join()
    return made


def read_books(seconds: float) -> None:
    """Work of many kinds: Markdown, colours, escaping."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for name in RUNBOOKS.pages[:5]:
            for language in LANGUAGES:
                page_of.__wrapped__(RUNBOOKS, language, name)


def kept(what: What, process: Process, result: Result | None, at: float = 0) -> str:
    seconds = 0 if what == "threads" else 10
    number = f"{redis().incr('runs'):016x}"
    run = Run(number, what, seconds, process, at or time.time(), "wang.fang")
    redis().set(channel.run_key(run.id), msgspec.json.encode(run))
    redis().zadd(channel.LATEST, {run.id: run.asked_at})
    if result:
        store(run.id, result)
    return run.id
