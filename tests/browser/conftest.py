"""A headless Chromium, and everything that runs behind the pages it looks at."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.chaos.processes import running
from tests.simulator.process import SimulatorProcess

HOW_TO = (
    "There is no Chromium. Install one (apt-get install chromium fonts-noto-cjk), or name it: "
    "CHROMIUM=/path/to/chromium make test-browser"
)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Fails, and never skips: a browser test that nobody runs protects nobody."""
    given = os.environ.get("CHROMIUM") or "chromium"
    found = shutil.which(given) or shutil.which("chromium-browser")
    if found is None:
        pytest.fail(HOW_TO, pytrace=False)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, and Django takes its own calls for calls
    # from within it. No coroutine of ours runs there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium)
        yield launched
        launched.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def site(
    live_server: LiveServer, simulator: SimulatorProcess, tmp_path: Path
) -> Iterator[LiveServer]:
    """Pages, API, a worker, the clock and a simulated WeChat whose receipts come at once."""
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    with running("worker", "clock", log=tmp_path / "processes.log"):
        yield live_server
