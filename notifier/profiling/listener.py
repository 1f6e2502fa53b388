"""The one thread of each process that makes its profiles. It waits for Redis to say something, and
takes no processor time until then: nothing is sampled or traced while nobody has asked.
"""

import atexit
import logging
import os
import secrets
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import msgspec
from django.conf import settings
from redis import Redis, RedisError

from notifier.dispatch.lanes import redis
from notifier.profiling import channel
from notifier.profiling.channel import Answer, Failure, Order, Process, Result
from notifier.profiling.memory import rss, watch
from notifier.profiling.sampling import Sampler
from notifier.profiling.threads import stand

log = logging.getLogger(__name__)

LISTENING, WORKING = "profiling", "profile"
"""The names of the two threads."""
PAUSE_SECONDS = 2
"""Before Redis is tried again."""
PING_SECONDS = 60
STORE_TRIES = 15
"""A second apart: a restart of Redis takes no longer."""


class Listener:
    """One for each process; after a fork the child has its own. `kind`: web, worker or clock.

    `_quiet` is held for everything but waiting: a fork waits for it, for the child would keep locks
    that our thread holds at that moment, and no thread to release them.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        self._kind, self._detail = kind, detail
        self._begin()
        os.register_at_fork(
            before=lambda: self._quiet.acquire(),
            after_in_parent=lambda: self._quiet.release(),
            after_in_child=self._after_fork,
        )
        atexit.register(self._leave)

    def _begin(self) -> None:
        self.id = secrets.token_hex(8)
        self._started = time.time()
        self._busy_until = 0.0
        self._free = threading.Lock()
        self._leaving = threading.Event()
        self._quiet = threading.RLock()
        self._left_out: set[int] = set()
        threading.Thread(target=self._listen, name=LISTENING, daemon=True).start()

    def _after_fork(self) -> None:
        """gunicorn's --preload: threads do not come along, tracing would."""
        if self._free.locked():
            tracemalloc.stop()
        self._begin()

    def _leave(self) -> None:
        """Who ends as asked is not missed."""
        self._leaving.set()
        with suppress(RedisError):
            channel.forget(self.id)

    def facts(self) -> Process:
        return Process(
            id=self.id,
            name=settings.PROCESS_NAME or self._kind,
            kind=self._kind,
            detail=self._detail,
            pid=os.getpid(),
            host=socket.gethostname(),
            started=self._started,
            rss=rss(),
            threads=threading.active_count(),
            busy_until=self._busy_until,
        )

    def _listen(self) -> None:
        self._left_out = {threading.get_ident()}
        while not self._leaving.is_set():
            try:
                with closing(_connection()) as connection:
                    self._hear(connection)
            except Exception as error:  # Redis is away, or says what nobody understands
                if self._leaving.is_set():
                    return  # so may be what a log is written to
                log.debug("profiling waits (%s)", type(error).__name__)
            time.sleep(PAUSE_SECONDS)

    def _hear(self, connection: Redis) -> None:
        client: Any = connection
        with client.pubsub(ignore_subscribe_messages=True) as heard:
            with self._quiet:
                heard.subscribe(channel.channel(), channel.channel(self.id))
                channel.note(self.facts())
            while heard.health_check_response_counter < 2:  # else it is a line to nobody
                message: Any = heard.get_message(timeout=PING_SECONDS)
                if message is not None and message["type"] == "message":
                    with self._quiet:
                        self._obey(msgspec.json.decode(message["data"], type=Order))

    def _obey(self, order: Order) -> None:
        if order.ask == "who":
            channel.answer(order.reply, Answer(self.facts()))
        elif order.ask == "threads":
            self._begin_work(order)
        elif self._free.acquire(blocking=False):
            order.seconds = min(max(order.seconds, 0), channel.MOST_SECONDS)
            self._busy_until = time.time() + order.seconds
            try:
                self._begin_work(order, self._finish)
            except RuntimeError:  # no thread can be had
                self._finish()
                raise
        else:
            channel.answer(order.reply, Answer(self.facts(), refused=True))

    def _begin_work(self, order: Order, afterwards: Callable[[], None] = lambda: None) -> None:
        args = (order, afterwards)
        threading.Thread(target=self._work, args=args, name=WORKING, daemon=True).start()
        channel.answer(order.reply, Answer(self.facts()))

    def _work(self, order: Order, afterwards: Callable[[], None]) -> None:
        """Ends by itself, whether or not somebody still waits for it."""
        try:
            store(order.run, self._measured(order))
        finally:
            afterwards()

    def _finish(self) -> None:
        self._busy_until = 0.0
        self._free.release()

    def _measured(self, order: Order) -> Result:
        left_out = self._left_out | {threading.get_ident()}
        try:
            match order.ask:
                case "cpu":
                    return Sampler(left_out).run(order.seconds)
                case "memory":
                    return watch(order.seconds)
                case _:
                    return stand(left_out)
        except Exception as error:
            log.warning("no profile (%s)", type(error).__name__)
            return Failure(type(error).__name__)


def _connection() -> Redis:
    """Of its own: it waits on it. Pinged now and then, for a firewall may have forgotten it."""
    patience = settings.REDIS_PATIENCE | {"health_check_interval": PING_SECONDS / 2}
    return Redis.from_url(settings.REDIS_URL, **patience)


def store(run: str, result: Result) -> None:
    packed = zlib.compress(msgspec.json.encode(result))
    if len(packed) > channel.MOST_BYTES:
        packed = zlib.compress(msgspec.json.encode(Failure("TooLarge")))
    for _ in range(STORE_TRIES):
        with suppress(RedisError):
            redis().set(channel.result_key(run), packed, ex=channel.KEPT_SECONDS)
            return
        time.sleep(1)
    log.warning("a profile is lost: Redis is away")


_here: Listener | None = None


def listen(kind: str, detail: str = "") -> Listener:
    """Once for each process; a second call gives the same."""
    global _here
    if _here is None:
        _here = Listener(kind, detail)
    return _here
