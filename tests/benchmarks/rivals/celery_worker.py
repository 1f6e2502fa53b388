"""A Celery worker with 16 threads: python -m ...celery_worker N
Prints messages a second, from its first finished task to its last."""

import subprocess
import sys
import time

from tests.benchmarks.rivals.celery_app import send
from tests.benchmarks.rivals.job import redis

COMMAND = (
    *("-m", "celery", "-A", "tests.benchmarks.rivals.celery_app", "worker"),
    *("--pool", "threads", "--concurrency", "16", "--loglevel", "ERROR"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


def main() -> None:
    count = int(sys.argv[1])
    redis.flushdb()
    for number in range(count):
        send.delay(f"oBENCH{number:022d}")
    worker = subprocess.Popen(
        [sys.executable, *COMMAND],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        print(rate(count))
    finally:
        worker.terminate()
        worker.wait()


def rate(count: int) -> float:
    deadline = time.monotonic() + 120
    first = None
    while time.monotonic() < deadline:
        done, now = int(redis.get("done") or 0), time.perf_counter()
        if done and first is None:
            first, done_first = now, done
        if first is not None and done >= count:
            return (count - done_first) / (now - first)
        time.sleep(0.002)
    raise SystemExit("celery did not finish")


if __name__ == "__main__":
    main()
