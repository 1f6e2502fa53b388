"""make bench: every comparison in one run, as medians and ratios, on PostgreSQL.

Writes var/bench.md and var/bench.json. Figures of one machine and one moment: compare the ratios.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable

from tests.benchmarks import environment  # isort: skip - starts the services first
from config.env import BASE_DIR
from tests.benchmarks import accept, dispatch, rendering

PARTS: dict[str, tuple[Callable[[int, int], list[environment.Row]], float]] = {
    "dispatch": (dispatch.compare, 1),
    "accept": (accept.compare, 0.5),
    "rendering": (rendering.compare, 10),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("only", nargs="?", choices=[*PARTS])
    given = parser.parse_args()
    environment.migrate()
    rows: list[environment.Row] = []
    for name, (compare, share) in PARTS.items():
        if given.only in (None, name):
            rows += compare(int(given.count * share), given.rounds)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    text = table(rows, f"{machine}; median of {given.rounds} rounds")
    print(text)
    folder = BASE_DIR / "var"
    folder.mkdir(exist_ok=True)
    (folder / "bench.md").write_text(text + "\n")
    (folder / "bench.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=2))


def table(rows: list[environment.Row], title: str) -> str:
    lines = [title, "", "| what | per second | ratio |", "| --- | ---: | ---: |"]
    lines += [f"| {row['what']} | {row['rate']:,.0f} | {row['ratio']:.2f} |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
