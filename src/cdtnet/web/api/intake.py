"""Reading a request: two files and settings in a form, or one picture whose alpha channel is the mask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ...imaging.formats import FORMATS
from .settings import RequestOptions, read_settings, schemas

FORM = "multipart/form-data"
WITH_ALPHA = tuple(format_.media_type for format_ in FORMATS.values() if format_.alpha)
_IN_MEMORY = 1 << 20  # bytes of a picture; longer ones are stored in an unnamed temporary file


@dataclass(frozen=True)
class HarmonizeRequest:
    """A parsed request.

    Attributes:
        composite: The picture file, not checked yet.
        mask: The mask file; None if the composite's alpha channel is the mask.
        options: The options.
        table: Whether the lookup table is requested instead of the picture.
    """

    composite: IO[bytes]
    mask: IO[bytes] | None
    options: RequestOptions
    table: bool


Reader = Callable[[Request, Iterable[str]], AbstractAsyncContextManager[HarmonizeRequest]]


@asynccontextmanager
async def read_form(request: Request, models: Iterable[str]) -> AsyncIterator[HarmonizeRequest]:
    """Read a form with the files composite and mask, and settings; its files are open in the context.

    Args:
        request: A request whose body has not been read.
        models: The names of models, the default first.

    Raises:
        HTTPException: 400 or 415, if the request is malformed.
    """
    _check_kind(request, FORM)
    if request.query_params:
        raise HTTPException(400, "Send settings as fields of the form, not in the address.")
    fields = len(schemas(models))
    async with request.form(max_files=2, max_fields=fields, max_part_size=1000) as form:
        parts = form.multi_items()
        files = {name: part.file for name, part in parts if isinstance(part, UploadFile)}
        if set(files) != {"composite", "mask"}:
            raise HTTPException(400, "Send two files, named composite and mask.")
        settings = read_settings([(name, part) for name, part in parts if isinstance(part, str)], models)
        yield HarmonizeRequest(files["composite"], files["mask"], settings, _wants_table(request))


@asynccontextmanager
async def read_alpha(request: Request, models: Iterable[str]) -> AsyncIterator[HarmonizeRequest]:
    """Read a picture with an alpha channel, with settings in the query; otherwise like `read_form`."""
    _check_kind(request, *WITH_ALPHA)
    settings = read_settings(request.query_params.multi_items(), models)
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        async for chunk in request.stream():
            file.write(chunk)
        file.seek(0)
        yield HarmonizeRequest(file, None, settings, _wants_table(request))


def _check_kind(request: Request, *kinds: str) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise HTTPException(415, f"Send {' or '.join(kinds)}.")


def _wants_table(request: Request) -> bool:
    accepted = request.headers.get("accept", "").lower()
    return "application/json" in accepted and "image/" not in accepted
