"""The page for videos: upload a clip and a matte, harmonize, compare and download."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ...inference.options import Options
from ..body import read_object
from ..queue import Job, WorkQueue
from .answers import unfinished
from .work import Models

FILMS = 4  # number of videos that are kept; a new one replaces the oldest
ROLES = ("clip", "matte")
RESULTS = {".mp4": "video/mp4", ".mkv": "video/x-matroska", ".mov": "video/quicktime"}


@dataclass
class Film:
    """A clip, its matte and its result, in a temporary folder."""

    folder: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(prefix="cdtnet-film-"))
    job: Job | None = None
    suffix: str = ".mp4"

    def file(self, name: str) -> Path:
        """Return the path of a file in its folder."""
        return Path(self.folder.name) / name

    def close(self) -> None:
        """Stop the work, and remove the folder."""
        if self.job:
            self.job.cancel()
        self.folder.cleanup()


class Films:
    """The endpoints under /api/films.

    Args:
        models: The models to choose from.
        queue: The queue whose thread harmonizes.
    """

    def __init__(self, models: Models, queue: WorkQueue) -> None:
        self._models, self._queue = models, queue
        self._films: dict[str, Film] = {}

    def routes(self) -> list[Route]:
        """Return the routes of all endpoints."""
        one = "/api/films/{film}"
        return [
            Route("/api/films", self.open, methods=["POST"]),
            Route(one, self.close, methods=["DELETE"]),
            Route(one + "/job", self.start, methods=["POST"]),
            Route(one + "/job", self.progress),
            Route(one + "/job", self.cancel, methods=["DELETE"]),
            Route(one + "/{name}", self.upload, methods=["PUT"]),
            Route(one + "/{name}", self.download),
        ]

    async def open(self, request: Request) -> Response:
        """Create a video."""
        while len(self._films) >= FILMS:
            self._films.pop(next(iter(self._films))).close()
        name = secrets.token_urlsafe(16)
        self._films[name] = Film()
        return JSONResponse({"film": name}, 201)

    async def close(self, request: Request) -> Response:
        """Remove a video."""
        self._film(request)
        self._films.pop(request.path_params["film"]).close()
        return Response(status_code=204)

    async def upload(self, request: Request) -> Response:
        """Store the clip or the matte on disk."""
        film, role = self._film(request), request.path_params["name"]
        if role not in ROLES:
            raise HTTPException(404, "There is no such part of a video.")
        try:
            with film.file(role).open("wb") as stream:
                async for chunk in request.stream():
                    stream.write(chunk)
        except OSError as error:
            raise HTTPException(507, f"The file cannot be stored ({error.strerror}).") from error
        return Response(status_code=204)

    async def start(self, request: Request) -> Response:
        """Start harmonizing with the settings {model, strength, suffix}."""
        from ...video.harmonizing import harmonize_video

        film, wishes = self._film(request), await read_object(request)
        suffix = wishes.get("suffix", ".mp4")
        strength = wishes.get("strength", 1.0)
        if suffix not in RESULTS or not isinstance(strength, int | float):
            raise HTTPException(400, "The suffix must be .mp4, .mkv or .mov, and the strength a number.")
        if not all(film.file(role).exists() for role in ROLES):
            raise HTTPException(409, "Give a clip and its matte first.")
        options = Options().but(strength=strength, resize_mask=True)
        if film.job:
            film.job.cancel()

        def work(job: Job) -> Any:
            clip, matte = (film.file(role) for role in ROLES)
            return harmonize_video(
                clip,
                matte,
                film.file(f"result{suffix}"),
                options,
                model=self._models.load(str(wishes.get("model", self._models.first))),
                progress=lambda done, total: job.progress(done, total or 0),
            )

        film.suffix, film.job = suffix, self._queue.submit(work)
        return JSONResponse(_state(film), 202)

    async def progress(self, request: Request) -> Response:
        """Return the state of the job."""
        return JSONResponse(_state(self._film(request)))

    async def cancel(self, request: Request) -> Response:
        """Stop the job."""
        film = self._film(request)
        if film.job:
            film.job.cancel()
        return Response(status_code=204)

    async def download(self, request: Request) -> Response:
        """Return the uploaded clip or the result."""
        film, name = self._film(request), request.path_params["name"]
        if name == "clip" and film.file(name).exists():
            return FileResponse(film.file(name), media_type="video/mp4")
        path = film.file(f"result{film.suffix}")
        if name != "result" or not path.exists():
            raise HTTPException(404, "There is no such result.")
        return FileResponse(path, media_type=RESULTS[film.suffix], filename=f"harmonized{film.suffix}")

    def _film(self, request: Request) -> Film:
        film = self._films.get(request.path_params["film"])
        if film is None:
            raise HTTPException(404, "This video is no longer kept; load the page again.")
        return film


def _state(film: Film) -> dict[str, Any]:
    if state := unfinished(film.job):
        folder = f"{film.folder.name}/"
        return {name: v.replace(folder, "The ") if name == "error" else v for name, v in state.items()}
    assert film.job
    result = film.job.outcome.result()
    return {"state": "done", "frames": result.frames, "shots": len(result.shots), "remark": result.remark}
