"""The HTTP server that harmonizes uploaded pictures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...errors import CdtnetError
from ...inference.harmonizer import Harmonizer
from ..body import BodyLimit
from ..hosting import SecurityHeaders
from ..limits import Limits
from ..queue import Job, QueueFullError, WorkQueue
from .description import describe_server
from .harmonizing import Reply, answer
from .intake import Reader, read_alpha, read_form
from .keys import KeyCheck
from .metrics import MEDIA_TYPE, Counting, Metrics

OPEN_PATHS = frozenset({"/health", "/openapi.json"})
CLIENT_LEFT = 499  # the status that proxies log for disconnected clients; it is never sent
_SOON = {"Retry-After": "1"}
_SENTENCES = {
    404: "There is nothing at this address; /openapi.json lists the addresses.",
    405: "This address does not support this method; /openapi.json lists the methods.",
}


def make_app(
    harmonizers: Mapping[str, Harmonizer], queue: WorkQueue, limits: Limits, key: str | None = None
) -> Starlette:
    """Make the application.

    Args:
        harmonizers: The harmonizers by model name; the first is the default.
        queue: The work queue; the caller closes it.
        limits: The limits of a request.
        key: The key that requests must contain, if any.
    """
    metrics = Metrics(queue)
    service = _Service(harmonizers, queue, limits, metrics)
    description = describe_server(harmonizers, limits, key=key is not None)

    async def describe(request: Request) -> Response:
        return JSONResponse(description)

    routes = [
        Route("/v1/harmonize", partial(service.harmonize, read_form), methods=["POST"]),
        Route("/v1/harmonize/alpha", partial(service.harmonize, read_alpha), methods=["POST"]),
        Route("/health", service.health),
        Route("/metrics", service.metrics),
        Route("/openapi.json", describe),
    ]
    middleware = [
        Middleware(SecurityHeaders),
        Middleware(Counting, metrics, frozenset(route.path for route in routes)),
        Middleware(BodyLimit, limits.max_bytes),
    ]
    if key is not None:
        middleware.append(Middleware(KeyCheck, key, OPEN_PATHS))
    app = Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: _explain})
    app.router.redirect_slashes = False
    return app


class _Service:
    """The request handlers."""

    def __init__(
        self, harmonizers: Mapping[str, Harmonizer], queue: WorkQueue, limits: Limits, metrics: Metrics
    ) -> None:
        self._harmonizers, self._queue, self._limits, self._metrics = harmonizers, queue, limits, metrics
        self._untaken = 0  # responses that clients have not read yet

    async def harmonize(self, read: Reader, request: Request) -> Response:
        """Respond with a picture or a table; a place in the queue is taken before the body is read."""
        try:
            job = self._reserve()
        except QueueFullError as error:
            raise HTTPException(429, str(error), _SOON) from error
        try:
            with anyio.fail_after(self._limits.timeout):
                response = _response(await self._work(job, read, request))
            self._untaken += 1
            response.background = BackgroundTask(self._note_taken)
            return response
        except TimeoutError as error:
            raise self._late(job) from error
        except ClientDisconnect:
            return Response(status_code=CLIENT_LEFT)
        except CdtnetError as error:
            raise HTTPException(422, str(error)) from error
        except OSError as error:
            logging.getLogger("uvicorn.error").error("A request could not be stored: %s", error)
            raise HTTPException(503, "The server has no space for the request.", _SOON) from error
        finally:
            job.cancel()

    async def health(self, request: Request) -> Response:
        """Report ready, or busy if a picture would be refused now."""
        status = "busy" if self._queue.full or self._crowded else "ready"
        return JSONResponse(
            {"status": status, "running": self._queue.running, "waiting": self._queue.waiting}
        )

    async def metrics(self, request: Request) -> Response:
        """Return the metrics."""
        return Response(self._metrics.text(), headers={"Content-Type": MEDIA_TYPE})

    @property
    def _crowded(self) -> bool:
        """Check whether the number of unread responses has reached the number of places in the queue."""
        return self._untaken >= self._queue.capacity

    def _reserve(self) -> Job:
        if self._crowded:
            raise QueueFullError("Too many responses are still being sent; try again later.")
        return self._queue.reserve()

    async def _note_taken(self) -> None:
        self._untaken -= 1

    async def _work(self, job: Job, read: Reader, request: Request) -> Reply:
        async with read(request, self._harmonizers) as order:
            harmonizer = self._harmonizers[order.options.model]
            self._queue.start(job, partial(answer, harmonizer, order, self._limits.max_pixels))
            done = await _outcome(job, request)
        self._metrics.note_work(done)
        return done

    def _late(self, job: Job) -> HTTPException:
        limit = f"{self._limits.timeout:g} s"
        if job.running:
            return HTTPException(504, f"Processing took longer than {limit}; send a smaller picture.")
        sentence = f"The request had not arrived, or was still waiting, after {limit}; try again later."
        return HTTPException(503, sentence, _SOON)


async def _outcome(job: Job, request: Request) -> Any:
    """Wait for the work, and return its result.

    Raises:
        ClientDisconnect: The client has disconnected.
        HTTPException: 500, for an unexpected error.
        CdtnetError: The work raised it.
    """
    finished = asyncio.wrap_future(job.outcome)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({finished, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not finished.done():
            raise ClientDisconnect
        return finished.result()
    except (CdtnetError, ClientDisconnect):
        raise
    except MemoryError as error:
        raise HTTPException(503, "There is not enough memory for this picture.", _SOON) from error
    except Exception as error:
        logging.getLogger("uvicorn.error").exception("A picture could not be harmonized.")
        raise HTTPException(500, "The server failed on this picture; its log has details.") from error
    finally:
        finished.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    """Return when the client has disconnected, after its body was read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(answer: Reply) -> Response:
    timing = ", ".join(f"{step};dur={1000 * seconds:.1f}" for step, seconds in answer.seconds.items())
    headers = {"Server-Timing": timing}
    if answer.remark:
        headers["Cdtnet-Remark"] = answer.remark
    return Response(answer.body, media_type=answer.media_type, headers=headers)


async def _explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = _SENTENCES.get(error.status_code, error.detail)
    return JSONResponse({"error": sentence}, error.status_code, error.headers)
