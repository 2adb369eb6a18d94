"""The study's web server: a page, a JSON interface, and pictures addressed by question and side."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import CdtnetError
from ..web.body import MAX_OBJECT, BodyLimit, read_object
from ..web.hosting import SecurityHeaders, page_routes
from ..web.hosts import HostCheck
from .answers import CHOICES
from .pictures import Gallery
from .session import Study, UnknownParticipantError, WrongQuestionError

PAGE = Path(__file__).parent / "page"


def make_app(study: Study, gallery: Gallery, names: Iterable[str] = ()) -> Starlette:
    """Make the application.

    Args:
        study: The study.
        gallery: JPEG files of all its pictures.
        names: Host names of the server, in addition to localhost and IP addresses.
    """
    faces = _Faces(study, gallery)
    one = "/api/participants/{participant}"
    routes = [
        *page_routes(PAGE),
        Route("/api/study", faces.describe),
        Route("/api/participants", faces.join, methods=["POST"]),
        Route(one, faces.progress),
        Route(one + "/answers/{question:number}", faces.answer, methods=["PUT"]),
        Route(one + "/pictures/{question:number}/{side}", faces.picture),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(HostCheck, names),
            Middleware(BodyLimit, MAX_OBJECT),
        ],
        exception_handlers={HTTPException: _explain, CdtnetError: _explain},
    )


class _Faces:
    """The request handlers."""

    def __init__(self, study: Study, gallery: Gallery) -> None:
        self._study, self._gallery = study, gallery
        self._extras = {"composite": bool(gallery.composites), "object": bool(gallery.masks)}

    async def describe(self, request: Request) -> Response:
        return JSONResponse({"questions": len(self._study.design.plan(0)), **self._extras})

    async def join(self, request: Request) -> Response:
        await _read_json(request)
        return JSONResponse({"participant": await run_in_threadpool(self._study.join)}, 201)

    async def progress(self, request: Request) -> Response:
        participant = request.path_params["participant"]
        return JSONResponse(
            {
                "questions": len(self._study.questions(participant)),
                "choices": self._study.choices(participant),
                **self._extras,
            }
        )

    async def answer(self, request: Request) -> Response:
        body = await _read_json(request)
        choice, seconds = body.get("choice"), body.get("seconds")
        if choice not in CHOICES or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            raise HTTPException(422, "An answer needs a choice and seconds.")
        where = request.path_params
        await run_in_threadpool(self._study.answer, where["participant"], where["question"], choice, seconds)
        return Response(status_code=204)

    async def picture(self, request: Request) -> Response:
        where = request.path_params
        questions = self._study.questions(where["participant"])
        if where["question"] >= len(questions):
            raise HTTPException(404, "There is no such question.")
        question = questions[where["question"]]
        files = {
            "left": self._gallery.results[question.left],
            "right": self._gallery.results[question.right],
            "composite": self._gallery.composites,
            "mask": self._gallery.masks,
        }.get(where["side"], {})
        if question.picture not in files:
            raise HTTPException(404, "There is no such picture.")
        data = await run_in_threadpool(files[question.picture].read_bytes)  # no ETag or date of the file's
        headers = {"Cache-Control": "private, max-age=86400, immutable"}
        return Response(data, media_type="image/jpeg", headers=headers)


async def _read_json(request: Request) -> dict[str, Any]:
    """Read a JSON object from the body; its content type prevents requests from pages of other sites."""
    if request.headers.get("content-type") != "application/json":
        raise HTTPException(415, "Send JSON.")
    return await read_object(request)


async def _explain(request: Request, error: Exception) -> Response:
    """Return a message for the participant, and print details for the operator."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)
    if isinstance(error, UnknownParticipantError):
        return JSONResponse({"error": str(error)}, 404)
    if isinstance(error, WrongQuestionError):
        return JSONResponse({"error": str(error)}, 409)
    logging.getLogger("uvicorn.error").error("%s", error)
    return JSONResponse({"error": "The answer could not be stored."}, 503)
