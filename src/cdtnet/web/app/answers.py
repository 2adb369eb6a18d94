"""Messages for the page: the state of a job, and errors in a sentence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...errors import CdtnetError
from ...inference.remarks import helps_of
from ..queue import Job, JobCancelledError, QueueFullError
from .downloads import formats
from .photos import OpaqueError
from .sessions import Session, UnknownSessionError


def unfinished(job: Job | None) -> dict[str, Any] | None:
    """Describe the state of a job; None if it is done and has a result."""
    if job is None:
        raise HTTPException(404, "Nothing has been requested yet.")
    if not job.outcome.done():
        return {"state": "running" if job.running else "waiting", "done": job.done, "total": job.total}
    if job.outcome.cancelled() or isinstance(job.outcome.exception(), JobCancelledError):
        return {"state": "cancelled"}
    error = job.outcome.exception()
    return {"state": "failed", "error": sentence(error)} if error else None


def state_of(session: Session) -> dict[str, Any]:
    """Describe the state of the session's job, with its result if done."""
    if state := unfinished(session.job):
        return state
    outcome = session.outcome
    assert outcome
    return {
        "state": "done",
        **{name: photo.describe() for name, photo in outcome.photos.items()},
        "levels": outcome.analysis.levels or (0.0, 0.0),
        "extent": outcome.extent,
        "remark": outcome.remark,
        "helps": helps_of(outcome.remark),
        "snapped": outcome.snapped,
        "formats": formats(outcome),
        "settings": {**outcome.settings, **asdict(outcome.controls)},
    }


def sentence(error: BaseException | None) -> str:
    """Return the message for the user; the program's own errors go to the terminal."""
    if isinstance(error, CdtnetError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this picture."
    return "An unexpected error occurred; the terminal of the program shows the details."


async def explain(request: Request, error: Exception) -> Response:
    """Respond with a sentence about the error; the page reacts to `code`."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    if isinstance(error, UnknownSessionError):
        return JSONResponse({"error": str(error), "code": "session"}, 404)
    status = 429 if isinstance(error, QueueFullError) else 422
    code = {"code": "opaque"} if isinstance(error, OpaqueError) else {}
    return JSONResponse({"error": sentence(error), **code}, status)
