"""One trace from a request to its webhook, over three processes, at a real OTLP endpoint."""

import os
import socket
import subprocess
import sys
import time

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from notifier import tracing
from notifier.dispatch import clock
from notifier.models import Message, State
from notifier.tracing import allowance, sdk
from tests import builders
from tests.builders import DATA
from tests.chaos.processes import running, until
from tests.conftest import Platform
from tests.webhooks.receiver import receiving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADERS = {"traceparent": f"00-{TRACE}-{SPAN}-01", "baggage": "tenant=shop"}


@pytest.fixture
def loop(simulator, live_server):
    simulator.control("POST", "/receipts", {"median_ms": 50, "sigma": 0})
    return Platform(simulator, live_server.url, "plain")


def ask(api, loop, openid="", **headers):
    person = loop.recipient(openid)
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
            sdk.provider().force_flush()
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
    pushed = [(one.trace_id,) for one in collector.spans if one.name.startswith("POST /wechat/")]
    assert spans["receipt"].links in pushed
    told = [one.attributes for one in collector.of(TRACE) if one.name == "webhook"]
    assert {one["hongyan.event_type"] for one in told} == {"message.sent", "message.delivered"}
    assert {one["hongyan.message_id"] for one in told} == {message.pk.hex}
    assert {one["hongyan.attempt"] for one in told} == {1}
    for posted in receiver.requests:
        assert posted.headers["traceparent"].startswith(f"00-{TRACE}-")
        assert posted.headers["baggage"] == "tenant=shop"
    exported = b"".join(collector.raw)
    account = loop.account
    private = (message.openid, account.app_secret, account.appid, "云南白茶", receiver.url)
    for one in (*private, "access_token", "tenant=shop"):
        assert one.encode() not in exported, one


def test_a_caller_without_a_trace_gets_one(collector, loop, api):
    message = ask(api, loop, baggage="tenant=shop")
    assert message.baggage == "tenant=shop"
    sdk.provider().force_flush()
    (server,) = [one for one in collector.spans if one.name == "POST /api/v1/messages"]
    assert message.traceparent[:52] == f"00-{server.trace_id}-{server.span_id}"
    assert int(message.traceparent[-2:], 16) & 1  # sampled
    assert server.parent_id == ""


@pytest.fixture
def a_few(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    sdk.forget()


def test_of_new_traces_the_sampler_keeps_so_many(collector, a_few, loop, api):
    """A trace that it does not keep has an id all the same, for people to name."""
    messages = [ask(api, loop) for _ in range(60)]
    sdk.provider().force_flush()
    kept = {one.trace_id for one in collector.spans if one.name == "POST /api/v1/messages"}
    assert 3 < len(kept) < 30
    ids = {one.traceparent.split("-")[1]: one.traceparent[-2:] for one in messages}
    assert len(ids) == 60
    assert {trace_id for trace_id, flags in ids.items() if flags != "00"} == kept


def test_what_no_request_began_is_traced_too(collector, platform, work):
    tracing._current.set(tracing.NONE)  # what an earlier request of this thread left
    message = platform.message()
    assert message.traceparent.endswith("-01")
    work()
    sdk.provider().force_flush()
    assert {"queued", "POST template/send"} <= {
        one.name for one in collector.of(message.traceparent[3:35])
    }


def servers(collector):
    sdk.provider().force_flush()
    return {one.trace_id for one in collector.spans if one.name == "POST /api/v1/messages"}


def left_out():
    return REGISTRY.get_sample_value("hongyan_traces_left_out_total", {"work": "request"}) or 0


def test_what_is_beyond_the_allowance_is_left_out_whole(collector, loop, api, work, settings):
    """A service that keeps each of its traces: of a burst some are traced, from end to end."""
    settings.TRACES_PER_SECOND = 1
    before = left_out()
    ids = [f"{number:032x}" for number in range(1, 31)]
    messages = [ask(api, loop, traceparent=f"00-{one}-{SPAN}-01") for one in ids]
    kept = servers(collector)
    assert 10 <= len(kept) < 20  # ten seconds' worth, and one for each second that it took
    assert {one.traceparent[3:35] for one in messages if one.traceparent[-2:] == "01"} == kept
    assert [one.traceparent[3:35] for one in messages] == ids
    allowance.of("request").take(1, time.monotonic() + 10)  # they are counted at the next traced
    assert left_out() - before == 30 - len(kept)
    work()
    sdk.provider().force_flush()
    assert {one.trace_id for one in collector.spans if one.name == "POST template/send"} == kept


def test_without_a_bound_all_are_traced(collector, loop, api, settings):
    settings.TRACES_PER_SECOND = 0
    for number in range(1, 31):
        ask(api, loop, traceparent=f"00-{number:032x}-{SPAN}-01")
    assert len(servers(collector)) == 30


@pytest.mark.parametrize(
    ("fate", "spans"),
    [
        ("ok", []),
        ("blacklisted", ["POST template/send", "queued"]),
        ("html", ["POST template/send", "POST template/send", "queued"]),
    ],
)
def test_what_went_wrong_is_traced_though_nobody_kept_it(collector, loop, api, work, fate, spans):
    """The operator looks for the trace of what failed, and of that only one of thousands is kept
    by chance."""
    ask(api, loop, f"oSIM-{fate}".ljust(28, "_"), traceparent=f"00-{TRACE}-{SPAN}-00")
    work()
    Message.objects.filter(state=State.QUEUED).update(due_at=timezone.now())
    clock.tick(timezone.now())
    work()  # what WeChat did not answer is repeated, and arrives
    sdk.provider().force_flush()
    found = sorted(one.name for one in collector.of(TRACE))
    assert found == spans


def test_a_sampler_that_keeps_nothing_keeps_no_callers_trace(
    collector, monkeypatch, loop, api, work
):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    sdk.forget()
    assert ask(api, loop, **HEADERS).traceparent[-2:] == "00"
    Message.objects.update(traceparent=HEADERS["traceparent"])
    work()
    sdk.provider().force_flush()
    assert collector.spans == []


def test_errors_carry_the_trace(collector, api):
    answer = api.post("/api/v1/messages", {}, format="json", headers=HEADERS)
    assert answer.json()["trace_id"] == TRACE


def test_what_the_caller_does_not_sample_is_not_exported(collector, loop, api, work):
    ask(api, loop, traceparent=f"00-{TRACE}-{SPAN}-00")
    work()
    sdk.provider().force_flush()
    assert collector.of(TRACE) == []


def test_while_off_the_callers_trace_travels_all_the_same(loop, api):
    message = ask(api, loop, **HEADERS)
    assert message.traceparent == HEADERS["traceparent"]
    assert message.baggage == "tenant=shop"
    later = ask(api, loop)
    assert (later.traceparent, later.baggage) == ("", "")


def test_an_endpoint_that_is_away_costs_no_message(monkeypatch, loop, api, work, caplog):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    sdk.forget()
    try:
        ask(api, loop, **HEADERS)
        work()
        until(lambda: Message.objects.filter(state__in=["sent", "delivered"]).exists())
    finally:
        sdk.provider().shutdown()
        sdk.forget()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
    ],
)
def test_they_can_be_switched_off(collector, monkeypatch, loop, api, name, value):
    monkeypatch.setenv(name, value)
    sdk.forget()
    assert not tracing.is_on()
    assert ask(api, loop).traceparent == ""


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", 1),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", 0),
        ("OTEL_TRACES_EXPORTER", "zipkin", 1),
        ("OTEL_TRACES_EXPORTER", "otlp", 0),
    ],
)
def test_what_is_not_spoken_is_told_at_the_start(collector, monkeypatch, caplog, name, value, told):
    monkeypatch.setenv(name, value)
    sdk.load()
    lines = [one.getMessage() for one in caplog.records if one.name == "notifier.tracing.sdk"]
    assert len(lines) == told
    assert all(value in one for one in lines)


SPAN_AT_THE_END = """
from notifier import tracing
with tracing.span("last", tracing.NONE):
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
        patched.setattr(sdk, "tracer", lambda: pytest.fail("a span was made"))
        assert tracing.passes("request", {"HTTP_TRACEPARENT": f"00-{TRACE}-{SPAN}-00"})
        context = tracing.current()
        assert context.trace_id == TRACE
        assert not tracing.is_wanted("request", context)
