"""The RQ worker. It forks for no job, so the session, its connections and threads stay warm."""

from types import FrameType

from rq.worker import SimpleWorker

from notifier.dispatch.drain import stopping


class DispatchWorker(SimpleWorker):
    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM: sends in the air are finished and settled, claimed rows go back."""
        stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
