"""What a log line may not say, whoever wrote it."""

import json
import logging
import logging.config
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests
from django.conf import settings

from notifier import tracing
from notifier.dispatch import lanes, settle
from notifier.observability import logs
from notifier.observability import requests as requests_seen
from notifier.observability.logs import Flood, JsonFormatter, RedactingFormatter
from notifier.wechat.session import shared_session
from tests.builders import DATA
from tests.chaos.processes import until
from tests.wechat.servers import answering, free_address, serving

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
TOKEN = "83_S3CR-ET-t0ken"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


FORMATTERS = (RedactingFormatter("%(levelname)s %(message)s"), JsonFormatter("web"))


@pytest.fixture(autouse=True)
def _in_no_request():
    """One of a test before has left its ids."""
    requests_seen._current.set("")
    tracing._current.set(tracing.NONE)


def record_of(message, *args, error=None, **extra):
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("x", logging.INFO, "f", 1, message, args, info)
    record.__dict__.update(extra)
    return record


def line(message, *args, error=None):
    """For people, and as JSON."""
    return "\n".join(one.format(record_of(message, *args, error=error)) for one in FORMATTERS)


def event(message, *args, error=None, **extra):
    return json.loads(JsonFormatter("web").format(record_of(message, *args, error=error, **extra)))


@pytest.mark.parametrize(
    ("message", "args"),
    [
        ("GET /cgi-bin/x?access_token=" + TOKEN, ()),
        ("GET %s", (f"https://api.weixin.qq.com/x?a=1&access_token={TOKEN}&b=2",)),
        ("body %s", (f'{{"appid":"wx1","secret":"{TOKEN}"}}',)),
        ("%r", ({"secret": TOKEN},)),
        ("app_secret: %s", (TOKEN,)),
        ("EncodingAESKey=%s", (TOKEN,)),
        ("Authorization: Bearer %s", (TOKEN,)),
        ("no such key: %s", (f"hy_{TOKEN}",)),
        ("no such key: %s", (f"hy_test_{TOKEN}",)),
        ("?next=%%2Fx%%3Fkey%%3Dhy_%s", (TOKEN,)),
        ("密钥hy_%s", (TOKEN,)),
        ("signed with %s", (f"whsec_{TOKEN}",)),
        ("?old=whsec_ab%%2B%s", (TOKEN,)),
        ("authorization: bearer %s", (TOKEN,)),
        ("password=%s", (TOKEN,)),
        ("%r", ({"app_secret": [TOKEN]},)),
        ("%r", ({"access_token": f"a b {TOKEN}".encode()},)),
        ("SECRET_KEY=%s", (TOKEN,)),
        ("FIELD_ENCRYPTION_KEYS=old,%s", (TOKEN,)),
        ("%r", ({"FIELD_ENCRYPTION_KEYS": ["old", TOKEN]},)),
        ("SECRET_KEY=ab(cd&%s", (TOKEN,)),
        ('password="p\\"%s"', (TOKEN,)),
        ('{\\"secret\\":\\"%s\\"}', (TOKEN,)),
        ("Cookie: sessionid=%s", (TOKEN,)),
        ("postgresql://hongyan:%s@10.0.0.5/hongyan", (TOKEN,)),
        ("redis://:%s@10.0.0.5:6379/0", (TOKEN,)),
        ("redis://:p@%s@10.0.0.5:6379/0", (TOKEN,)),
        ("%r", (("access_token", TOKEN),)),
    ],
)
def test_a_secret_is_left_out(message, args):
    written = line(message, *args)
    assert TOKEN not in written
    assert written.count("[redacted]") == 2


@pytest.mark.parametrize(
    ("person", "told"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "+86138****5678"),
        ("客户13812345678下单", "客户138****5678下单"),
        ("%2B8613812345678", "%2B86138****5678"),
        ("+86-13812345678", "+86-138****5678"),
        ("\n13812345678", "\n138****5678"),
        ("8613812345678", "86138****5678"),
        ("phone:86-13812345678", "phone:86-138****5678"),
        ("138 1234 5678", "138****5678"),
        (13812345678, "138****5678"),
        ("zhang.san@example.com", "z…@example.com"),
        ("zhang.san%40example.com", "z…%40example.com"),
    ],
)
def test_a_persons_phone_and_address_are_shortened(person, told):
    shown = FORMATTERS[0].format(record_of("Not Found: /api/v1/recipients/%s", person))
    assert shown.endswith(f"/recipients/{told}")
    assert event("Not Found: %s", person)["message"] == f"Not Found: {told}"


def test_a_large_number_stays_one():
    assert event("read", size=20_000_000_000)["size"] == 20_000_000_000


def test_an_openid_is_shortened():
    assert line("to %s failed", OPENID).startswith("INFO to oABC…XYZ1 failed\n")
    assert event("to %s failed", OPENID)["message"] == "to oABC…XYZ1 failed"
    assert OPENID not in line(f'{{"touser":"{OPENID}"}}')


@pytest.mark.parametrize("before", ["?openid%3D", "?x=%5b", r"'\n", r"b'\xe4", r'"\u4e91'])
def test_an_openid_behind_an_escape_is_shortened_too(before):
    """The escape's last character is no part of it."""
    written = line(f"{before}{OPENID}%26x")
    assert OPENID not in written
    assert f"{before}oABC…XYZ1%26x" in written


@pytest.mark.parametrize(
    "text",
    [
        "/api/v1/messages/01a20bee57cd7a879957b05cda6183b9",
        "order-processing-of-things-ok",
        "https://a.example:8443/x@y",
        "msgid 2851245678 4112345678901234567, 1764316800 s, 1764316800123 ms",
        "idempotency_key=order-17",
        "why_is_this_no_key_of_ours",
        "%3Dorder-processing-of-things-ok",
    ],
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
    assert {formatters[name]["()"] for name in used} <= {
        "notifier.observability.logs.RedactingFormatter",
        "notifier.observability.logs.JsonFormatter",
    }


def test_urllib3_does_not_write_addresses_even_at_debug(caplog):
    logging.getLogger().setLevel(logging.DEBUG)
    with serving(answering("{}")) as server, shared_session.__wrapped__("") as session:
        session.get(f"{server.url}/x?access_token={TOKEN}", timeout=1)
    assert logging.getLogger("urllib3.connectionpool").getEffectiveLevel() == logging.WARNING
    assert TOKEN not in caplog.text


@contextmanager
def caught(name):
    """The lines of a logger, as JSON."""
    said = []
    handler, logger = logging.Handler(), logging.getLogger(name)
    handler.emit = lambda record: said.append(JsonFormatter("web").format(record))
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)


def test_an_event_of_json_is_one_line_with_what_it_belongs_to(api):
    headers = {"X-Request-ID": "r-17", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    with caught("django.request") as said:
        api.post("/api/v1/messages", {}, format="json", headers=headers)
    (written,) = said
    assert "\n" not in written
    told = json.loads(written)
    assert (told["process"], told["level"], told["logger"]) == ("web", "warning", "django.request")
    assert (told["request_id"], told["trace_id"]) == ("r-17", TRACE)
    assert told["message"] == "Unprocessable Entity: /api/v1/messages"


def test_a_job_is_named(db, work):
    job = lanes.queue("normal").enqueue("tests.observability.jobs.complain", "云")
    with caught("tests.observability.jobs") as said:
        work()
    (told,) = map(json.loads, said)
    assert (told["message"], told["job_id"]) == ("云", job.id)


def test_a_slow_send_is_found_by_its_message_and_its_trace(platform, api, work, monkeypatch):
    monkeypatch.setattr(settle, "SLOW_CALL_SECONDS", 0.3)
    platform.simulator.control("POST", "/latency", {"median_ms": 400, "sigma": 0})
    expected = {}
    for trace in (TRACE, None):
        to = {"openid": platform.recipient().openid}
        body = {"template": platform.template.code, "to": to, "data": DATA}
        headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"} if trace else {}
        answer = api.post("/api/v1/messages", body, format="json", headers=headers)
        expected[answer.json()["id"]] = trace
    with caught("notifier.dispatch.settle") as said:
        work()
    told = [json.loads(one) for one in said]
    assert all(one["message"].startswith("slow: template/send") for one in told)
    assert {one["message_id"]: one.get("trace_id") for one in told} == expected


def test_what_is_given_beside_the_text_is_kept_and_cleaned():
    told = event(
        "sent",
        **{"message_id": "01a2", "openid": OPENID, "body": {"secret": TOKEN}, "count": 3},
        **{"access_token": TOKEN, "SECRET_KEY": TOKEN, "authorization": TOKEN, "tokens": 4},
    )
    assert (told["access_token"], told["tokens"]) == ("[redacted]", 4)
    assert (told["message_id"], told["count"], told["openid"]) == ("01a2", 3, "oABC…XYZ1")
    assert TOKEN not in json.dumps(told)


def test_at_a_terminal_a_line_names_its_ids_once():
    told = FORMATTERS[0].format(record_of("slow: %s", "01a2", message_id="01a2", trace_id=TRACE))
    assert told == f"INFO slow: 01a2 trace_id={TRACE}"
    broken = FORMATTERS[0].format(record_of("no", error=ValueError("x"), trace_id=TRACE))
    assert broken.splitlines()[0] == f"INFO no trace_id={TRACE}"


def test_of_a_flood_so_many_lines_are_written_and_the_rest_is_counted(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    flood = Flood(most=3, seconds=10)
    kept = [flood.filter(record_of("no %s", number)) for number in range(20)]
    assert sum(kept) == 3
    assert flood.filter(record_of("another"))
    now[0] += 11
    after = record_of("no %s", 21)
    assert flood.filter(after)
    assert after.left_out == 17
    assert event("no", left_out=17)["left_out"] == 17
    assert "(and 17 like it before)" in FORMATTERS[0].format(after)


def test_gunicorns_own_lines_are_json_too_and_count_in_its_seat(tmp_path):
    log, counts = tmp_path / "log", tmp_path / "counts"
    given = {"LOG_FORMAT": "json", "HONGYAN_PROCESS": "web"}
    command = ["-m", "gunicorn", "config.wsgi", "--bind", "127.0.0.1:0", "--no-control-socket"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=settings.BASE_DIR,
            env=os.environ | given | {"PROMETHEUS_MULTIPROC_DIR": str(counts)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: b"Booting worker" in log.read_bytes())
    finally:
        process.terminate()
        process.wait(20)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"gunicorn.error"} == {one["logger"] for one in lines if "Booting" in one["message"]}
    assert {one["process"] for one in lines} == {"web"}
    assert (counts / "counter_0.db").exists()
    assert not [*counts.glob(f"*_{process.pid}.db")]
