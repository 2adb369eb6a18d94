"""The server's metrics, in Prometheus' text format."""

from __future__ import annotations

from time import perf_counter

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..queue import WorkQueue
from .harmonizing import Reply

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100)


class Metrics:
    """The counters of one server.

    Args:
        queue: The queue whose length is reported.
    """

    def __init__(self, queue: WorkQueue) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter("cdtnet_requests", "Responses sent.", ["path", "status"], registry=registry)
        self._seconds = Histogram(
            "cdtnet_request_seconds",
            "Time from request to response.",
            ["path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._steps = Counter(
            "cdtnet_step_seconds", "Time of each step of the work.", ["step"], registry=registry
        )
        self._pixels = Counter("cdtnet_pixels", "Pixels of the harmonized pictures.", registry=registry)
        waiting = Gauge(
            "cdtnet_jobs_waiting", "Jobs in the queue that are not being processed.", registry=registry
        )
        waiting.set_function(lambda: queue.waiting)
        running = Gauge("cdtnet_jobs_running", "Jobs that are being processed.", registry=registry)
        running.set_function(lambda: queue.running)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' format."""
        return generate_latest(self._registry)

    def note_request(self, path: str, status: int, seconds: float) -> None:
        """Count a response."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def note_work(self, answer: Reply) -> None:
        """Count processed work."""
        self._pixels.inc(answer.pixels)
        for step, seconds in answer.seconds.items():
            self._steps.labels(step).inc(seconds)


class Counting:
    """Middleware that records every response in the metrics.

    Args:
        app: The application.
        metrics: The metrics to update.
        paths: Paths with their own counters; all others share one, which bounds their number.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        path = scope["path"] if scope["path"] in self._paths else "other"
        start = perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.note_request(path, message["status"], perf_counter() - start)
            await send(message)

        await self._app(scope, receive, send_counted)
