"""The server of the page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...errors import CdtnetError
from ...imaging import Picture, read_picture, to_mask
from ...imaging.cutting import FINDER, is_transparent
from ..body import BodyLimit, read_object
from ..hosting import SecurityHeaders, file_route, page_routes
from ..hosts import HostCheck
from ..limits import Limits
from ..queue import Job, WorkQueue
from .answers import explain, state_of
from .downloads import DOWNLOADS, Choice
from .film import Films
from .guard import Guard
from .masks import check_shape
from .photos import OpaqueError, Photo
from .sessions import Session, Sessions
from .work import EDITS, ROLES, Edit, Models, cut_from, edited, harmonize, is_number

PAGE = Path(__file__).parent / "page"
DEMO = Path(__file__).parents[2] / "demo"
FOREVER = {"Cache-Control": "private, max-age=86400, immutable"}
SWEEP = 60.0  # seconds between checks for expired sessions


@dataclass
class _Faces:
    """The request handlers."""

    models: Models
    sessions: Sessions
    queue: WorkQueue
    limits: Limits
    strength: float
    finder: str

    def __post_init__(self) -> None:
        self._uploading = asyncio.Semaphore(2)  # each file or picture may take hundreds of megabytes
        self._sweeping = False

    async def describe(self, request: Request) -> Response:
        limits = {"maxBytes": self.limits.max_bytes, "maxPixels": self.limits.max_pixels}
        return JSONResponse({"models": self.models.names, "strength": self.strength, **limits})

    async def open(self, request: Request) -> Response:
        name = self.sessions.open()
        if not self._sweeping:
            self._sweep()
        return JSONResponse({"session": name}, 201)

    async def close(self, request: Request) -> Response:
        self.sessions.close(request.path_params["session"])
        return Response(status_code=204)

    async def upload(self, request: Request) -> Response:
        session, role = self._session(request), _role(request)
        async with self._uploading:
            photo = await run_in_threadpool(self._read, await request.body(), role)
        if role == "mask" and "composite" in session.uploads:
            check_shape(photo.picture, session.uploads["composite"].picture)
        session.uploads[role] = photo
        self.sessions.trim()
        return JSONResponse(photo.describe(), 201)

    async def drop(self, request: Request) -> Response:
        self._session(request).uploads.pop(_role(request), None)
        return Response(status_code=204)

    async def preview(self, request: Request) -> Response:
        photo = self._photo(request)
        data, media = await run_in_threadpool(lambda: photo.preview)
        return Response(data, media_type=media, headers=FOREVER)

    async def tile(self, request: Request) -> Response:
        photo, where = self._photo(request), request.path_params
        data, media = await run_in_threadpool(photo.tile, where["column"], where["row"])
        return Response(data, media_type=media, headers=FOREVER)

    async def start(self, request: Request) -> Response:
        session = self._session(request)
        edit = Edit.of(await read_object(request))
        if session.job:
            session.job.cancel()
        uploads = dict(session.uploads)

        def work(job: Job) -> None:
            try:
                session.outcome = harmonize(uploads, edit, self.models, job.progress)
            except (CdtnetError, MemoryError):
                raise
            except Exception:
                logging.getLogger("uvicorn.error").exception("Harmonizing failed.")
                raise

        session.job = self.queue.submit(work)
        return JSONResponse(state_of(session), 202)

    async def edit_mask(self, request: Request) -> Response:
        edit, uploads = request.path_params["edit"], dict(self._session(request).uploads)
        pixels = (await read_object(request)).get("pixels", 0)
        if edit not in EDITS:
            raise HTTPException(404, "There is no such edit of a mask.")
        if not is_number(pixels):
            raise CdtnetError("The distance must be a number of pixels.")
        async with self._uploading:
            data = await run_in_threadpool(edited, uploads, edit, pixels)
        return Response(data, media_type="application/octet-stream")

    async def cut_out(self, request: Request) -> Response:
        self._session(request)
        data = await request.body()
        async with self._uploading:
            made = await run_in_threadpool(lambda: cut_from(self._decode(data), self.finder))
        return Response(made, media_type="application/octet-stream")

    async def progress(self, request: Request) -> Response:
        return JSONResponse(state_of(self._session(request)))

    async def cancel(self, request: Request) -> Response:
        session = self._session(request)
        if session.job:
            session.job.cancel()
        return Response(status_code=204)

    async def download(self, request: Request) -> Response:
        what = request.path_params["what"]
        outcome, make = self._session(request).outcome, DOWNLOADS.get(what)
        if outcome is None or make is None:
            raise HTTPException(404, "There is no such result.")
        choice = Choice.of(await read_object(request), outcome.controls)
        async with self._uploading:
            made = await run_in_threadpool(make, outcome, choice)
        headers = {"Content-Disposition": f'attachment; filename="{what}{made.suffix}"'}
        if made.note:
            headers["Cdtnet-Note"] = made.note
        return Response(made.data, media_type="application/octet-stream", headers=headers)

    def _read(self, data: bytes, role: str) -> Photo:
        picture = self._decode(data)
        if role == "foreground" and not is_transparent(picture):
            raise OpaqueError(
                "This picture has no transparent pixels; give an object cut out of its background, "
                "as PNG, WebP or TIFF."
            )
        if role == "mask":
            picture = Picture(to_mask(picture, picture.height, picture.width)[..., None])
        return Photo(picture)

    def _decode(self, data: bytes) -> Picture:
        return read_picture(data, max_pixels=self.limits.max_pixels)

    def _session(self, request: Request) -> Session:
        return self.sessions.use(request.path_params["session"])

    def _photo(self, request: Request) -> Photo:
        photo = self._session(request).find(request.path_params["photo"])
        if photo is None:
            raise HTTPException(404, "There is no such picture.")
        return photo

    def _sweep(self) -> None:
        """Drop expired sessions regularly, as long as there are any."""
        self.sessions.trim()
        self._sweeping = len(self.sessions) > 0
        if self._sweeping:
            asyncio.get_running_loop().call_later(SWEEP, self._sweep)


def make_app(
    models: Models,
    *,
    names: Iterable[str] = (),
    strength: float = 1.0,
    limits: Limits | None = None,
    finder: str = FINDER,
) -> Starlette:
    """Make the application, with one thread that harmonizes.

    Args:
        models: The available models.
        names: Host names of the server, in addition to localhost and IP addresses.
        strength: The initial strength of the page.
        limits: The limits of uploads.
        finder: The network of rembg that cuts objects out of photos.
    """
    limits = limits or Limits()
    faces = _Faces(models, Sessions(), WorkQueue(workers=1, waiting=8), limits, strength, finder)
    one = "/api/sessions/{session}"
    photo = one + "/photos/{photo}"
    routes = [
        *page_routes(PAGE),
        *(file_route(f"/example/{name}", DEMO / name) for name in ("composite.jpg", "mask.png")),
        Route("/api/app", faces.describe),
        Route("/api/sessions", faces.open, methods=["POST"]),
        Route(one, faces.close, methods=["DELETE"]),
        Route(one + "/uploads/{role}", faces.upload, methods=["PUT"]),
        Route(one + "/uploads/{role}", faces.drop, methods=["DELETE"]),
        Route(photo + "/preview", faces.preview),
        Route(photo + "/tiles/{column:number}/{row:number}", faces.tile),
        Route(one + "/job", faces.start, methods=["POST"]),
        Route(one + "/job", faces.progress),
        Route(one + "/job", faces.cancel, methods=["DELETE"]),
        Route(one + "/mask/{edit}", faces.edit_mask, methods=["POST"]),
        Route(one + "/cut-out", faces.cut_out, methods=["POST"]),
        Route(one + "/result/{what}", faces.download, methods=["POST"]),
        *Films(models, faces.queue).routes(),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(HostCheck, names),
            Middleware(Guard),
            Middleware(BodyLimit, limits.max_bytes),
        ],
        exception_handlers={HTTPException: explain, CdtnetError: explain, MemoryError: explain},
    )
    app.router.redirect_slashes = False
    return app


def _role(request: Request) -> str:
    role: str = request.path_params["role"]
    if role not in ROLES:
        raise HTTPException(404, "There is no such picture.")
    return role
