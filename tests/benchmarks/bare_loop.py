"""The bare thread loop: threads that share one requests.Session and post ready bodies.

Nothing is stored, claimed or retried. `python -m tests.benchmarks.bare_loop URL COUNT THREADS`
prints sends a second.
"""

import sys
import threading
import time
from queue import Empty, SimpleQueue

import requests
from requests.adapters import HTTPAdapter

from tests.benchmarks.bodies import body


def run(url: str, count: int, threads: int) -> float:
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=threads))
    work: SimpleQueue[bytes] = SimpleQueue()
    for number in range(count):
        work.put(body(number))

    def post() -> None:
        while True:
            try:
                data = work.get_nowait()
            except Empty:
                return
            answer = session.post(url, data=data, timeout=(3, 10))
            assert answer.json()["errcode"] == 0, answer.text

    started = time.perf_counter()
    senders = [threading.Thread(target=post) for _ in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    address, number, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run(address, 300, width)
    print(run(address, number, width))
