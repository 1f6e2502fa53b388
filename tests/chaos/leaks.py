"""The hunt for leaks: while a storm rages everything that the platform writes is gathered (logs at
DEBUG, traces, /metrics, all of Redis with its jobs, error pages, profiles), and at the end searched
for what must stand in none of it: secrets, tokens, keys, OpenIDs, phones, e-mail addresses, the
values of messages.

Who looks at nothing finds nothing: a place that stayed empty, or a kind of which there was none to
look for, is a finding too.
"""

import json
import random
import re
import threading
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from tests.chaos.stage import Stage
from tests.observability.otlp import Collector

if TYPE_CHECKING:
    from tests.chaos.callers import Callers

EVERY_SECONDS = 0.5
WRONG_KEY = "hy_wrong-but-perhaps-nearly-right-0123456789abc"
WRONG_TOKEN = "71_wrong-but-perhaps-somebodys-0123456789abc"
VALUE = "机密的商品名"
"""In requests that are refused."""
PHONE, EMAIL = "13912345678", "li.si@shop.example"
"""In requests that are refused, and in a job that fails."""
METRICS_TOKEN = "only-for-the-metrics-of-a-storm"
SHOWN = 60


def talkative(collector: Collector) -> dict[str, str]:
    """Settings under which the platform writes as much as it ever does."""
    return {
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json",
        "SLOW_REQUEST_SECONDS": "0.001",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "TRACES_PER_SECOND": "0",
        "METRICS_TOKEN": METRICS_TOKEN,
    }


@dataclass(frozen=True, slots=True)
class Leak:
    what: str
    where: str
    count: int
    around: bytes

    def __str__(self) -> str:
        return f"leak: {self.what} in {self.where}, {self.count} times: {self.around!r}"


@dataclass(frozen=True, slots=True)
class Blind:
    what: str

    def __str__(self) -> str:
        return f"the hunt saw nothing of this: {self.what}"


PLACES = ("metrics", "traces", "Redis", "Redis, unpacked", "failed jobs", "profiles", "error pages")
"""Beside the logs of the processes."""
ENDPOINTS = "secrets of webhooks"
"""The one kind that a storm need not have."""


class Hunt:
    """Django is set up by now, so what needs its models is imported where it is needed."""

    def __init__(self, stage: Stage, callers: "Callers", collector: Collector) -> None:
        self._stage, self._callers, self._collector = stage, callers, collector
        self._written: dict[str, set[bytes]] = defaultdict(set)
        self._tokens: set[str] = set()
        self._openids = callers.openids
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._gather, name="hunt")

    def start(self) -> None:
        self._thread.start()

    def end(self) -> list[Leak | Blind]:
        self._ended.set()
        self._thread.join()
        self._look()
        for file in self._stage.folder.glob("*.log"):
            if file.stem != "simulator":  # which plays WeChat, and is nobody's log
                self._written[f"log of {file.stem}"].add(file.read_bytes())
        self._written["traces"] = set(self._collector.raw)
        places = {where: b"\n".join(parts) for where, parts in self._written.items()}
        sizes = ", ".join(f"{where} {len(text) // 1024:,} KiB" for where, text in places.items())
        needles = {what: them - {""} for what, them in self._needles().items()}
        counts = ", ".join(f"{len(them):,} {what}" for what, them in needles.items())
        print(f"hunted for {counts}; in {sizes}")
        if not needles[ENDPOINTS]:
            print(f"this storm has no endpoint: {ENDPOINTS} were not hunted for")
            del needles[ENDPOINTS]
        processes = [*(one.name for one in self._stage.workers), "clock", "web"]
        wanted = [*PLACES, *(f"log of {name}" for name in processes)]
        return [*blind(wanted, places), *blind(needles, needles), *hunt(places, needles)]

    def _gather(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        """What is struck down at the moment is looked at the next time."""
        for look in (
            *(self._errors, self._metrics, self._redis, self._failed_jobs, self._profiles),
            *(self._shared_tokens, self._ask_for_profiles, self._have_a_job_fail),
        ):
            with suppress(Exception):
                look()

    def _errors(self) -> None:
        openid = self._openids[0]
        template = self._callers.templates[0]
        right = {"Authorization": f"Bearer {self._callers.key}"}
        wrong = {"Authorization": f"Bearer {WRONG_KEY}"}
        message = {"template": template.code, "to": {"openid": openid}}
        slug = template.account.slug
        asked: list[tuple[str, str, dict[str, str], Any]] = [
            ("POST", "/api/v1/messages", wrong, message),
            ("POST", "/api/v1/messages", right, message | {"data": {"nothing": VALUE}}),
            ("POST", "/api/v1/messages", right, message | {"data": {"order_no": VALUE * 99}}),
            ("POST", "/api/v1/messages", right, message | {"template": "none"}),
            ("POST", "/api/v1/messages", right, message | {"to": {"openid": openid, "user": 1}}),
            ("POST", "/api/v1/messages", right, f'{{"to": "{openid}", {VALUE}'.encode()),
            ("GET", f"/api/v1/messages?openid={openid}&since=x", right, None),
            ("GET", f"/api/v1/messages/{openid}", right, None),
            ("GET", f"/api/v1/nowhere?product={VALUE}", right, None),
            ("GET", f"/api/v1/nowhere?phone={PHONE}&email={EMAIL}", right, None),
            ("GET", f"/admin/nowhere/{PHONE}/{EMAIL}/", {}, None),
            ("POST", "/api/v1/messages", right, message | {"data": {"order_no": [PHONE, EMAIL]}}),
            ("POST", f"/gateway/cgi-bin/message/template/send?access_token={WRONG_TOKEN}", {}, {}),
            ("POST", f"/wechat/{slug}/callback?signature=x&openid={openid}", {}, openid.encode()),
            ("GET", f"/admin/nowhere/{openid}/?key={WRONG_KEY}", {}, None),
            ("GET", "/readyz", {}, None),
        ]
        for method, path, headers, body in asked:
            content = {"data": body} if isinstance(body, bytes) else {"json": body}
            answer = requests.request(
                method, self._stage.web_url + path, headers=headers, timeout=10, **content
            )
            if answer.status_code >= 400:
                self._written["error pages"].add(answer.content)

    def _metrics(self) -> None:
        known = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        answer = requests.get(f"{self._stage.web_url}/metrics", headers=known, timeout=10)
        if answer.status_code == 200:
            self._written["metrics"].add(answer.content)

    def _redis(self) -> None:
        """Jobs are packed."""
        from tests.chaos.processes import everything_in_redis

        for part in everything_in_redis():
            self._written["Redis"].add(part)
            for packed in (zlib.MAX_WBITS, zlib.MAX_WBITS | 16):
                with suppress(zlib.error):
                    self._written["Redis, unpacked"].add(zlib.decompress(part, packed))

    def _failed_jobs(self) -> None:
        """What RQ keeps of them is packed twice."""
        from notifier.dispatch.lanes import queue

        normal = queue("normal")
        for pk in normal.failed_job_registry.get_job_ids():
            job = normal.fetch_job(pk)
            if result := job and job.latest_result():
                self._written["failed jobs"].add(str(result.exc_string).encode())

    def _have_a_job_fail(self) -> None:
        """Few do by themselves, and none says so much."""
        from notifier.dispatch.lanes import queue

        queue("normal").enqueue("tests.observability.jobs.fail_privately")

    def _profiles(self) -> None:
        """As Redis has them, packed."""
        from notifier.dispatch.lanes import redis
        from notifier.profiling import asking, channel

        for run, state in asking.latest():
            if state is asking.State.DONE and asking.result(run)[0] is state:  # not a failure
                packed: Any = redis().get(channel.result_key(run.id))
                self._written["profiles"].add(zlib.decompress(packed))

    def _ask_for_profiles(self) -> None:
        """Of each process now one and now another kind; they are found in Redis."""
        from notifier.profiling import asking

        for process in asking.processes():
            with suppress(asking.Busy, asking.NoAnswer):
                asking.start(process, random.choice(("cpu", "memory", "threads")), 1, "hunt")

    def _shared_tokens(self) -> None:
        from tests.shared_tokens import shared

        for template in self._callers.templates:
            if token := shared(template.account.appid):
                self._tokens.add(token)

    def _needles(self) -> dict[str, set[str]]:
        from notifier.models import Message, WebhookEndpoint
        from tests.chaos.callers import SAID

        accounts, given = self._callers.accounts, self._stage.environment()
        endpoints = WebhookEndpoint.objects.all()
        return {
            "secrets": {one.app_secret for one in accounts}
            | {one.callback_token for one in accounts}
            | {one.encoding_aes_key for one in accounts},
            "keys of the environment": {
                given["SECRET_KEY"],
                *given["FIELD_ENCRYPTION_KEYS"].split(","),
                METRICS_TOKEN,
                urlsplit(given["DATABASE_URL"]).password or "",
            },
            "API keys": {self._callers.key},
            "tokens": self._tokens,
            "OpenIDs": set(self._openids),
            "values of messages": {SAID["product"]},
            "bodies": {*Message.objects.values_list("payload", flat=True)[:40]},
            "what was refused": {WRONG_KEY, WRONG_TOKEN, VALUE, PHONE, EMAIL},
            ENDPOINTS: {
                secret for one in endpoints for secret in (one.secret, one.previous_secret)
            },
        }


def blind(wanted: Iterable[str], found: Mapping[str, bytes | set[str]]) -> list[Blind]:
    return [Blind(what) for what in wanted if not found.get(what)]


def hunt(places: dict[str, bytes], needles: dict[str, set[str]]) -> list[Leak]:
    """One line for each place and kind, with the first of what was found there."""
    found: dict[tuple[str, str], Leak] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for where, text in places.items():
        for what, them in needles.items():
            for one in them:
                for form in _forms(one):
                    if count := text.count(form):
                        counts[what, where] += count
                        around = _around(text, form)
                        found.setdefault((what, where), Leak(what, where, 0, around))
    return [
        Leak(what, where, counts[what, where], one.around) for (what, where), one in found.items()
    ]


def _forms(text: str) -> set[bytes]:
    """As it is, and as JSON, addresses and Python have it; each of these in JSON's texts, too, and
    in JSON within those."""
    plain = {
        text,
        text.encode("ascii", "backslashreplace").decode(),
        repr(text.encode())[2:-1],
        requests.utils.quote(text, safe=""),
    }
    once = plain | {form for one in plain for form in _in_json(one)}
    twice = once | {form for one in once for form in _in_json(one)}
    return {one.encode() for one in twice}


def _in_json(text: str) -> set[str]:
    return {json.dumps(text, ensure_ascii=only)[1:-1] for only in (True, False)}


def _around(text: bytes, form: bytes) -> bytes:
    at = re.search(re.escape(form), text)
    assert at
    return text[max(at.start() - SHOWN, 0) : at.end() + SHOWN]
