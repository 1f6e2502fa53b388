"""How much of a process is traced."""

import pytest

from notifier.tracing.allowance import Allowance


@pytest.mark.parametrize(
    ("taken", "seconds", "granted"),
    [(0, 0, 50), (50, 0, 0), (50, 0.9, 0), (50, 1.5, 7), (49, 0.3, 2), (20, 3600, 50)],
    ids=[
        "saved up",
        "used up",
        "gathered",
        "five a second",
        "not gathered",
        "no more than is saved",
    ],
)
def test_the_allowance(settings, taken, seconds, granted):
    settings.TRACES_PER_SECOND = 5
    allowance = Allowance("request")
    assert allowance.take(taken, 100.0) == taken
    assert allowance.take(1000, 100.0 + seconds) == granted
