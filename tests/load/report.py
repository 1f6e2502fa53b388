"""The report of the load test: Markdown to keep, HTML to look at."""

import os
import platform
from collections.abc import Sequence
from html import escape
from pathlib import Path

import psutil
from django.utils import timezone

from tests.load import charts
from tests.load.bottleneck import Verdict, behind
from tests.load.facts import Run, Step

Found = Sequence[tuple[Run, Verdict]]
COLUMNS = (
    *("at once", "requests/s", "P50 ms", "P95 ms", "P99 ms", "errors", "accepted/s", "sent/s"),
    *("wait", "to WeChat P99 s", "receipt s", "machine CPU %", "WeChat connections"),
)
PROCESSES = ("web", "worker", "clock", "PostgreSQL", "Redis", "simulator", "callers", "others")
STYLE = """
body { font: 15px/1.6 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 1160px;
  margin: 32px auto; padding: 0 16px; color: #0f172a; }
h2 { margin-top: 40px; }
.verdict { border-left: 4px solid #0f766e; padding: 4px 14px; background: #f0fdfa; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: 4px 10px; text-align: right; border-bottom: 1px solid #e2e8f0; }
tr.saturated td { background: #fef9c3; }
.charts { display: flex; flex-wrap: wrap; gap: 8px 24px; }
figure { margin: 16px 0 0; flex: 1 1 400px; }
figcaption { font-weight: 600; }
svg text { font-size: 11px; fill: #475569; }
figure p { margin: 0; display: flex; flex-wrap: wrap; gap: 2px 14px; }
i { display: inline-block; width: 10px; height: 10px; margin-right: 5px; }
"""


def write(folder: Path, found: Found) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(markdown(found))
    (folder / "index.html").write_text(html(found))


def line(run: Run, step: Step) -> str:
    return (
        f"{run.name:9} {step.users:3} at once: {step.qps:7,.0f} requests/s, P99 "
        f"{step.p99 * 1000:,.0f} ms, {step.sent:,.0f} sent/s, machine {step.machine_cpu:.0f} %"
    )


def cells(step: Step) -> list[str]:
    return [
        str(step.users),
        f"{step.qps:,.0f}",
        *(f"{value * 1000:,.0f}" for value in (step.p50, step.p95, step.p99)),
        f"{step.errors:.2%}",
        f"{step.accepted:,.0f}",
        f"{step.sent:,.0f}",
        f"{step.waiting:,}",
        *("-" if one is None else f"{one:.2f}" for one in (step.to_wechat_p99, step.receipt_p50)),
        f"{step.machine_cpu:.0f}",
        str(step.wechat_connections),
    ]


def markdown(found: Found) -> str:
    parts = ["# Load report", "", machine(), ""]
    for run, verdict in found:
        parts += [
            f"## {run.name}: {run.text}",
            "",
            *(f"{sentence}\n" for sentence in sentences(run, verdict)),
            f"| {' | '.join(COLUMNS)} |",
            f"|{' ---: |' * len(COLUMNS)}",
            *(f"| {' | '.join(cells(step))} |" for step in run.steps),
            "",
            f"| at {run.saturated.users} at once | {' | '.join(PROCESSES)} |",
            f"| --- |{' ---: |' * len(PROCESSES)}",
            f"| % of one core | {' | '.join(_of(run.saturated.cpu))} |",
            f"| MiB | {' | '.join(_of(run.saturated.memory))} |",
            "",
        ]
    return "\n".join(parts)


def html(found: Found) -> str:
    parts = [f"<h1>Load report</h1><p>{escape(machine())}</p>"]
    for run, verdict in found:
        said = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(run, verdict))
        parts.append(
            f"<h2>{escape(run.name)}: {escape(run.text)}</h2><div class='verdict'>{said}</div>"
            f"<div class='charts'>{''.join(_charts(run))}</div>{_table(run)}"
        )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Load report</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def sentences(run: Run, verdict: Verdict) -> list[str]:
    step = run.saturated
    most = (
        f"Most: {step.qps:,.0f} requests/s, {step.accepted:,.0f} messages/s accepted, with "
        f"{step.users} at once; P50 {step.p50 * 1000:,.0f} ms, P99 {step.p99 * 1000:,.0f} ms, "
        f"{step.errors:.2%} errors."
    )
    late = behind(step)
    return [
        most,
        f"Bottleneck: {verdict.what}: {verdict.because}.",
        f"Measured at that step: {measured(run, step)}.",
        *([f"Dispatch is behind: {late}."] if late else []),
    ]


def measured(run: Run, step: Step) -> str:
    """Whatever could have been full, also what was not."""
    pool = "-" if step.pool_p95 is None else f"{step.pool_p95 * 1000:,.0f} ms"
    wechat = "-" if step.wechat_mean is None else f"{step.wechat_mean * 1000:,.0f} ms"
    known = step.database
    return (
        f"processor {step.machine_cpu:.0f} %; memory {step.memory_free:.0f} % free; database "
        f"{known.sessions:.0f} sessions, {known.active:.1f} at work, {known.waiting:.1f} of them "
        f"waiting for a lock or the disk; {step.wechat_connections} connections to WeChat, {pool} "
        f"until a message has one (P95); WeChat answers in {wechat} (mean); by {run.web} web and "
        f"{run.workers} worker process(es)"
    )


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{timezone.now():%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory:.0f} GiB, Python "
        f"{platform.python_version()}. Callers, simulated WeChat and database run on the same "
        "cores as Hongyan: compare the steps, not two machines."
    )


def _charts(run: Run) -> list[str]:
    steps, users = run.steps, [step.users for step in run.steps]
    rates = {
        "accepted": [step.accepted for step in steps],
        "sent": [step.sent for step in steps],
    }
    times = {
        "P50": [step.p50 * 1000 for step in steps],
        "P95": [step.p95 * 1000 for step in steps],
        "P99": [step.p99 * 1000 for step in steps],
    }
    cpu = {name: [step.cpu.get(name, 0.0) for step in steps] for name in PROCESSES}
    memory = {name: [step.memory.get(name, 0.0) for step in steps] for name in PROCESSES[:-1]}
    return [
        charts.lines("Messages", users, rates, "a second"),
        charts.lines("Answer times", users, times, "ms"),
        charts.bars("Processor", users, cpu, "% of one core"),
        charts.lines("Memory", users, memory, "MiB"),
    ]


def _table(run: Run) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
    rows = "".join(
        f"<tr{' class=saturated' if step is run.saturated else ''}>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells(step))
        + "</tr>"
        for step in run.steps
    )
    return f"<div class='scroll'><table><tr>{head}</tr>{rows}</table></div>"


def _of(values: dict[str, float]) -> list[str]:
    return [f"{values.get(name, 0):.0f}" for name in PROCESSES]
