"""Two workers against one, where WeChat is the limit: 100 ms an answer, 64 calls at once each.

python -m tests.benchmarks.workers [N]. Prints messages a second of each and the ratio.
"""

import os
import sys

from tests.benchmarks import environment  # isort: skip - starts the services first
from tests.benchmarks import growth
from tests.benchmarks.dispatch import SLOW_MS
from tests.simulator.process import SimulatorProcess

CONNECTIONS = "64"


def main() -> None:
    environment.migrate()
    os.environ["DISPATCH_CONNECTIONS"] = CONNECTIONS
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    simulator = SimulatorProcess([])
    try:
        templates = growth.prepare(simulator)
        simulator.control("POST", "/latency", {"median_ms": SLOW_MS, "sigma": 0})
        rates = []
        for workers in (1, 2):
            found = growth.measure(simulator, count, *templates, workers=workers)
            rates.append(1 / found.seconds)
            print(f"{workers} worker(s): {rates[-1]:,.0f} messages/s", flush=True)
        print(f"ratio {rates[1] / rates[0]:.2f}")
    finally:
        simulator.stop()


if __name__ == "__main__":
    main()
