"""One trace from a request to its webhook, over three processes, at a real OTLP endpoint."""

import os
import socket
import subprocess
import sys
import time

import pytest

from notifier import tracing
from notifier.models import Message, State
from tests import builders
from tests.builders import DATA
from tests.chaos.processes import running, until
from tests.conftest import Platform
from tests.observability.otlp import collecting
from tests.webhooks.receiver import receiving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{SPAN}-01", "baggage": "tenant=shop"}


def forget():
    tracing.is_on.cache_clear()
    tracing._provider.cache_clear()
    tracing._tracer.cache_clear()
    tracing._ids.cache_clear()
    tracing._drawn.cache_clear()


@pytest.fixture
def collector(monkeypatch):
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        forget()
        yield collector
        tracing._provider().shutdown()
    forget()


@pytest.fixture
def loop(simulator, live_server):
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    return Platform(simulator, live_server.url, "plain")


def ask(api, loop, **headers):
    person = loop.recipient()
    body = {"template": loop.template.code, "to": {"openid": person.openid}, "data": DATA}
    answer = api.post("/api/v1/messages", body, format="json", headers=headers)
    assert answer.status_code == 202
    return Message.objects.get(pk=answer.json()["id"])


@pytest.mark.chaos
def test_one_trace_over_api_worker_receipt_and_webhook(collector, loop, api, service, tmp_path):
    with receiving() as receiver:
        builders.make_endpoint(service, url=receiver.url)
        with running("worker", "clock", log=tmp_path / "log"):
            message = ask(api, loop, **HEADERS)
            until(lambda: Message.objects.filter(state=State.DELIVERED).exists())
            until(lambda: len(receiver.requests) == 2)  # sent, delivered
            tracing._provider().force_flush()
            until(lambda: sum(one.name == "webhook" for one in collector.of(TRACE)) == 2)
    spans = {one.name: one for one in collector.of(TRACE)}
    assert spans.keys() == {
        "POST /api/v1/messages",
        "queued",
        "POST template/send",
        "receipt",
        "webhook",
    }
    server = spans["POST /api/v1/messages"]
    assert server.parent_id == SPAN
    assert {one.parent_id for one in collector.of(TRACE)} == {SPAN, server.span_id}
    assert len({one.pid for one in spans.values()}) == 3
    call = spans["POST template/send"].attributes
    assert call["hongyan.message_id"] == message.pk.hex
    assert call["wechat.errcode"] == 0
    assert call["server.address"] == "127.0.0.1"
    assert call["hongyan.phase.tcp_ms"] > 0
    assert any(TRACE in one.links for one in collector.spans if one.name == "settle")
    for posted in receiver.requests:
        assert posted.headers["traceparent"].startswith(f"00-{TRACE}-")
        assert posted.headers["baggage"] == "tenant=shop"
    exported = b"".join(collector.raw)
    account = loop.account
    private = (message.openid, account.app_secret, account.appid, "云南白茶", receiver.url)
    for one in (*private, "access_token", "tenant=shop"):
        assert one.encode() not in exported, one


def test_a_caller_without_a_trace_gets_one(collector, loop, api):
    message = ask(api, loop)
    tracing._provider().force_flush()
    (server,) = [one for one in collector.spans if one.name == "POST /api/v1/messages"]
    assert message.traceparent[:52] == f"00-{server.trace_id}-{server.span_id}"
    assert int(message.traceparent[-2:], 16) & 1  # sampled
    assert server.parent_id == ""


@pytest.fixture
def a_few(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    forget()


def test_of_new_traces_the_sampler_keeps_so_many(collector, a_few, loop, api):
    """A trace that it does not keep has an id all the same, for people to name."""
    messages = [ask(api, loop) for _ in range(60)]
    tracing._provider().force_flush()
    kept = {one.trace_id for one in collector.spans if one.name == "POST /api/v1/messages"}
    assert 3 < len(kept) < 30
    ids = {one.traceparent.split("-")[1]: one.traceparent[-2:] for one in messages}
    assert len(ids) == 60
    assert {trace_id for trace_id, flags in ids.items() if flags != "00"} == kept


def test_errors_carry_the_trace(collector, api):
    answer = api.post("/api/v1/messages", {}, format="json", headers=HEADERS)
    assert answer.json()["trace_id"] == TRACE


def test_what_the_caller_does_not_sample_is_not_exported(collector, loop, api, work):
    ask(api, loop, traceparent=f"00-{TRACE}-{SPAN}-00")
    work()
    tracing._provider().force_flush()
    assert collector.of(TRACE) == []


def test_while_off_the_callers_trace_travels_all_the_same(loop, api):
    message = ask(api, loop, **HEADERS)
    assert message.traceparent == HEADERS["traceparent"]
    assert message.baggage == "tenant=shop"
    later = ask(api, loop)
    assert (later.traceparent, later.baggage) == ("", "")


@pytest.mark.parametrize(
    "given",
    ["", "x", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01"],
)
def test_a_traceparent_that_is_none_is_dropped(given):
    assert tracing.arriving({"traceparent": given, "baggage": "a=b"}) == tracing.NONE


def test_an_endpoint_that_is_away_costs_no_message(monkeypatch, loop, api, work, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    forget()
    try:
        ask(api, loop, **HEADERS)
        work()
        until(lambda: Message.objects.filter(state__in=["sent", "delivered"]).exists())
    finally:
        tracing._provider().shutdown()
        forget()


SPAN_AT_THE_END = """
from notifier import tracing
with tracing.span("last", tracing.NONE, is_root=True):
    pass
"""


def test_an_endpoint_that_hangs_does_not_hold_up_the_end_of_a_process():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-c", SPAN_AT_THE_END],
            env=os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": url},
            check=True,
            timeout=60,
        )
        assert time.monotonic() - started < 8  # of ten that the exporter waits


def test_the_last_span_of_a_process_arrives(collector):
    subprocess.run([sys.executable, "-c", SPAN_AT_THE_END], check=True, timeout=60)
    assert "last" in [one.name for one in collector.spans]


def test_a_caller_who_keeps_no_trace_costs_nothing(collector, monkeypatch):
    """Not even a span that is thrown away; the caller's context travels on."""
    with monkeypatch.context() as patched:
        patched.setattr(tracing, "_tracer", lambda: pytest.fail("a span was made"))
        assert tracing.passes({"traceparent": f"00-{TRACE}-{SPAN}-00"}, "POST")
        context = tracing.current()
        assert context.trace_id == TRACE
        assert tracing.record("x", context, 0.0, 1.0, {}) == tracing.NONE
        with tracing.span("x", context) as (one, passed_on):
            assert (one, passed_on) == (None, context)
