"""manage.py worker: an RQ worker that keeps its connections to WeChat between jobs."""

import logging
from typing import Any

import django_rq
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis import RedisError


class Command(BaseCommand):
    help = "Sends messages and works on receipts. Start as many as there are processors to spare."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queues", nargs="*", default=list(settings.RQ_QUEUE_NAMES))
        parser.add_argument("--burst", action="store_true", help="stop when the queues are empty")

    def handle(self, *_args: Any, queues: list[str], burst: bool, **_options: Any) -> None:
        if unknown := set(queues) - set(settings.RQ_QUEUE_NAMES):
            raise CommandError(
                f"No such queue: {', '.join(sorted(unknown))}. "
                f"There are {', '.join(settings.RQ_QUEUE_NAMES)}."
            )
        try:
            worker = django_rq.get_worker(
                *queues,
                worker_class="notifier.dispatch.worker.DispatchWorker",
                serializer="rq.serializers.JSONSerializer",
            )
        except RedisError as error:
            raise CommandError(
                f"Redis does not answer ({type(error).__name__}). Is REDIS_URL right?"
            ) from None
        logging.getLogger(__name__).info("worker %s listens to %s", worker.name, ", ".join(queues))
        worker.work(burst=burst, logging_level="WARNING")
