"""Validating and rendering a five-field message, against a thread pool for each message."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal

from templates_app.rendering import FieldSpec, TemplateSpec, compile_template
from tests.benchmarks.bodies import DATA, PATTERNS, TEMPLATE
from tests.benchmarks.environment import Row, median


def compare(count: int, rounds: int) -> list[Row]:
    fields = tuple(FieldSpec(key, "", text, "reject") for key, text in PATTERNS.items())
    render = compile_template(TemplateSpec(TEMPLATE, "", fields)).render
    assert not render(DATA).problems
    ours, pooled = [], []
    for _ in range(rounds):
        pooled.append(_rate(lambda: pool_for_each(DATA), count // 100))
        ours.append(_rate(lambda: render(DATA), count))
    return [
        {
            "what": "a thread pool for each message (the article)",
            "rate": median(pooled),
            "ratio": 1,
        },
        {
            "what": "compiled once for each version: validate and render",
            "rate": median(ours),
            "ratio": median([mine / theirs for mine, theirs in zip(ours, pooled, strict=True)]),
        },
    ]


def _rate(work: Callable[[], object], count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        work()
    return count / (time.perf_counter() - started)


def pool_for_each(data: dict[str, str]) -> list[bool]:
    """Five checks in five threads of a pool that is made for this message."""
    checks = {
        "order_no": lambda text: text.isalnum() and len(text) <= 32,
        "product": lambda text: len(text) <= 20,
        "at": lambda text: bool(datetime.fromisoformat(text)),
        "price": lambda text: Decimal(text.lstrip("¥")) >= 0,
        "note": lambda text: len(text) <= 20,
    }
    with ThreadPoolExecutor(max_workers=5) as pool:
        return list(pool.map(lambda name: checks[name](data[name]), checks))
