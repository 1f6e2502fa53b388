"""A loop of requests.post without a session: python -m ...plain_loop N.
Prints messages a second."""

import sys
import time

from tests.benchmarks.rivals.job import redis, requests_send


def main() -> None:
    count = int(sys.argv[1])
    redis.flushdb()
    started = time.perf_counter()
    for number in range(count):
        requests_send(f"oBENCH{number:022d}")
    print(count / (time.perf_counter() - started))


if __name__ == "__main__":
    main()
