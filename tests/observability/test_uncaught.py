"""What Python writes by itself when something breaks: a line like all others, and as clean."""

import json
import logging
import os
import subprocess
import sys

import pytest

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
TOKEN = "83_S3CR-ET-t0ken"
BREAK = f'raise RuntimeError("access_token={TOKEN} of {OPENID}")'
PARTS = {
    "main thread": BREAK,
    "thread": f"""
import threading
def work():
    {BREAK}
one = threading.Thread(target=work)
one.start()
one.join()
""",
    "never awaited": f"""
class Broken:
    def __del__(self):
        {BREAK}
Broken()
""",
    "warning": f'import warnings\nwarnings.warn("access_token={TOKEN} of {OPENID}")',
    "wrong format": f'import logging\nlogging.warning("%d", "access_token={TOKEN} of {OPENID}")',
    "structlog": f"""
import structlog
structlog.get_logger().error("no", access_token="{TOKEN}", openid="{OPENID}")
""",
}


@pytest.mark.parametrize("form", ["json", "line"])
@pytest.mark.parametrize("part", PARTS)
def test_it_is_one_line_without_a_secret(part, form):
    code = f"import django\ndjango.setup()\n{PARTS[part]}"
    given = {"LOG_FORMAT": form, "HONGYAN_PROCESS": "web", "HONGYAN_DEMO": "1"}
    run = subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        env={**os.environ, **given, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert TOKEN not in run.stderr
    assert OPENID not in run.stderr
    written = run.stderr.strip().splitlines()
    if form == "json":
        (line,) = [json.loads(one) for one in written]
        assert line["process"] == "web"
        assert logging.getLevelNamesMapping()[line["level"].upper()] >= logging.WARNING
    else:
        assert written[0].split()[2] == "web"


KEPT = f"""
import sys
class Broken:
    def __del__(self):
        {BREAK}
sys.modules["%s"].kept = Broken()
"""
SILENT = {
    "ctrl-c": "raise KeyboardInterrupt",
    "at the end": KEPT % "__main__",
    "after the logs'": KEPT % "notifier.observability.logs",
}


@pytest.mark.parametrize("part", SILENT)
def test_nothing_is_written(part):
    code = f"import django\ndjango.setup()\n{SILENT[part]}"
    given = {"HONGYAN_DEMO": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode != 0) == (part == "ctrl-c")
    assert run.stderr == ""
