"""What a log line may not say, whoever wrote it."""

import logging
import logging.config

import pytest
import requests
from django.conf import settings

from notifier.observability.logs import RedactingFormatter
from notifier.wechat.session import shared_session
from tests.wechat.servers import answering, free_address, serving

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
TOKEN = "83_S3CR-ET-t0ken"


def line(message, *args, error=None):
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("x", logging.INFO, "f", 1, message, args, info)
    return RedactingFormatter("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("GET /cgi-bin/x?access_token=" + TOKEN, ()),
        ("GET %s", (f"https://api.weixin.qq.com/x?a=1&access_token={TOKEN}&b=2",)),
        ("body %s", (f'{{"appid":"wx1","secret":"{TOKEN}"}}',)),
        ("%r", ({"secret": TOKEN},)),
        ("app_secret: %s", (TOKEN,)),
        ("EncodingAESKey=%s", (TOKEN,)),
    ],
)
def test_a_secret_is_left_out(message, args):
    written = line(message, *args)
    assert TOKEN not in written
    assert "[redacted]" in written


def test_an_openid_is_shortened():
    assert line("to %s failed", OPENID) == "INFO to oABC…XYZ1 failed"
    assert OPENID not in line(f'{{"touser":"{OPENID}"}}')


@pytest.mark.parametrize(
    "text", ["/api/v1/messages/01a20bee57cd7a879957b05cda6183b9", "order-processing-of-things-ok"]
)
def test_what_is_no_secret_stays(text):
    assert text in line(text)


def test_a_traceback_is_cleaned_too():
    try:
        requests.get(f"{free_address()}/x?access_token={TOKEN}", timeout=1)
    except requests.RequestException as error:
        written = line("failed", error=error)
    assert "Traceback" in written
    assert TOKEN not in written


def test_a_cause_in_a_traceback_is_cleaned_too():
    try:
        try:
            raise ValueError(f"secret={TOKEN} {OPENID}")
        except ValueError as cause:
            raise RuntimeError("no luck") from cause
    except RuntimeError as error:
        written = line("failed", error=error)
    assert "ValueError" in written
    assert TOKEN not in written
    assert OPENID not in written


def test_every_handler_cleans():
    formatters = settings.LOGGING["formatters"]
    used = {handler["formatter"] for handler in settings.LOGGING["handlers"].values()}
    assert {formatters[name]["()"] for name in used} == {
        "notifier.observability.logs.RedactingFormatter"
    }


def test_urllib3_does_not_write_addresses_even_at_debug(caplog):
    logging.getLogger().setLevel(logging.DEBUG)
    with serving(answering("{}")) as server, shared_session.__wrapped__("") as session:
        session.get(f"{server.url}/x?access_token={TOKEN}", timeout=1)
    assert logging.getLogger("urllib3.connectionpool").getEffectiveLevel() == logging.WARNING
    assert TOKEN not in caplog.text
