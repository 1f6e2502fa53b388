"""The RQ worker. It forks for no job, so the session, its connections and threads stay warm."""

from types import FrameType

from django.conf import settings
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.registry import StartedJobRegistry
from rq.worker import SimpleWorker

from notifier.dispatch.sender import sender
from notifier.redaction import clean


class DispatchWorker(SimpleWorker):
    max_connection_wait_time = 1.0
    """RQ waits up to a minute for a Redis that is back; the clock would wake nobody so long."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM: sends in the air are finished, rows that were only claimed go back."""
        sender().stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: StartedJobRegistry | None = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Its traceback stays in Redis and is shown in the admin: as clean as the log's."""
        super().handle_job_failure(job, queue, started_job_registry, clean(exc_string), execution)

    def teardown(self) -> None:
        sender().finish(settings.WECHAT_CONNECT_TIMEOUT + settings.WECHAT_READ_TIMEOUT + 5)
        super().teardown()  # type: ignore[no-untyped-call]
