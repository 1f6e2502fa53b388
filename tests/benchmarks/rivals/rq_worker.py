"""RQ with one job per message, wechatpy inside: python -m ...rq_worker Worker|SimpleWorker N
Prints messages a second, from the worker's start to the end of its last job."""

import logging
import sys
import time

from rq import Queue, SimpleWorker, Worker

from tests.benchmarks.rivals.job import redis, wechatpy_send


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    redis.flushdb()
    queue = Queue(connection=redis)
    for number in range(count):
        queue.enqueue(wechatpy_send, f"oBENCH{number:022d}", result_ttl=0)
    logging.disable(logging.CRITICAL)
    worker = {"Worker": Worker, "SimpleWorker": SimpleWorker}[kind]([queue], connection=redis)
    started = time.perf_counter()
    worker.work(burst=True)
    seconds = time.perf_counter() - started
    assert int(redis.get("done") or 0) == count
    print(count / seconds)


if __name__ == "__main__":
    main()
