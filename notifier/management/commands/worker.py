"""manage.py worker: an RQ worker that keeps its connections to WeChat between jobs."""

import logging
from contextlib import suppress
from typing import Any

import django_rq
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis import RedisError

from notifier import garbage, tracing
from notifier.dispatch import lanes
from notifier.dispatch.sender import sender
from notifier.profiling.listener import listen

log = logging.getLogger(__name__)

WAIT_SECONDS = 0.5
KNOWN_SECONDS = 60
"""An idle worker is heard from every 45 s (RQ: 15 before the end), and one that was killed is
forgotten after 120; with RQ's own 420 it would pass for alive for eight minutes."""


class Command(BaseCommand):
    _is_waiting = False
    help = (
        "Sends messages and works on receipts. Start as many as there are processors to spare, and "
        "one `worker background` for imports and everything else that takes minutes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queues", nargs="*", default=list(settings.RQ_QUEUE_NAMES))
        parser.add_argument("--burst", action="store_true", help="stop when the queues are empty")

    def handle(self, *_args: Any, queues: list[str], burst: bool, **_options: Any) -> None:
        if unknown := set(queues) - settings.RQ_QUEUES.keys():
            raise CommandError(
                f"No such queue: {', '.join(sorted(unknown))}. "
                f"There are {', '.join(settings.RQ_QUEUES)}."
            )
        listen("worker", ", ".join(queues))
        tracing.load()
        garbage.spare()
        try:
            self._work(queues, burst)
        except RedisError as error:
            text = f"Redis does not answer ({type(error).__name__}). Is REDIS_URL right?"
            if burst:
                raise CommandError(text) from None
            log.warning("%s Waiting for it.", text)
            self._is_waiting = True
        while not burst and not sender().stopping.wait(WAIT_SECONDS):
            self._go_on(queues)

    def _work(self, queues: list[str], burst: bool) -> None:
        worker = django_rq.get_worker(
            *queues,
            worker_class="notifier.dispatch.worker.DispatchWorker",
            serializer="rq.serializers.JSONSerializer",
            worker_ttl=KNOWN_SECONDS,
        )
        log.info("worker %s listens to %s", worker.name, ", ".join(queues))
        with suppress(RedisError):  # RQ ends a worker that loses Redis
            worker.work(burst=burst, logging_level="WARNING")

    def _go_on(self, queues: list[str]) -> None:
        """The process with its sender, its connections and what is in the air outlives Redis."""
        try:
            lanes.redis().ping()
        except RedisError as error:
            if not self._is_waiting:
                log.warning("redis is away (%s); waiting for it", type(error).__name__)
            self._is_waiting = True
            return
        self._is_waiting = False
        with suppress(RedisError):
            self._work(queues, burst=False)
