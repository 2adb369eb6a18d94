"""Reading a request: two files and settings in a form, or one picture whose alpha channel is the mask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .settings import Settings, read_settings, schemas

SINGLE = ("image/png", "image/tiff", "image/webp")  # what can hold colours and mask in one
ALPHA = ("mask", "alpha")
_IN_MEMORY = 1 << 20  # bytes of a picture; longer ones wait in a temporary file without a name


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Attributes:
        composite: A picture file, whatever it may hold.
        mask: Another; None if the composite's alpha channel is the mask.
        settings: How to harmonize.
        table: Whether the colour table is wanted, and not the picture.
    """

    composite: IO[bytes]
    mask: IO[bytes] | None
    settings: Settings
    table: bool


@asynccontextmanager
async def read_order(request: Request, models: Iterable[str]) -> AsyncIterator[Order]:
    """Read a request; the order's files are open inside the context.

    Args:
        request: One whose body has not been read.
        models: The names that can be asked for, the default first.

    Raises:
        HTTPException: 400 or 415, if the request is not as it should be.
    """
    accepted = request.headers.get("accept", "")
    table = "application/json" in accepted and "image/" not in accepted
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    query = request.query_params.multi_items()
    if kind == "multipart/form-data":
        limits = {"max_files": 2, "max_fields": len(schemas(models)), "max_part_size": 1000}
        async with request.form(**limits) as form:
            parts = form.multi_items()
            files = {name: part.file for name, part in parts if isinstance(part, UploadFile)}
            if set(files) != {"composite", "mask"}:
                raise HTTPException(400, "Send two files, named composite and mask.")
            fields = [(name, part) for name, part in parts if isinstance(part, str)]
            settings = read_settings([*query, *fields], models)
            yield Order(files["composite"], files["mask"], settings, table)
    elif kind in SINGLE:
        if ALPHA not in query:
            raise HTTPException(
                400,
                "Send the files composite and mask as multipart/form-data, or say with ?mask=alpha "
                "that the mask is this picture's alpha channel.",
            )
        settings = read_settings([item for item in query if item != ALPHA], models)
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            async for chunk in request.stream():
                file.write(chunk)
            file.seek(0)
            yield Order(file, None, settings, table)
    else:
        raise HTTPException(415, f"Send multipart/form-data, or one picture as {', '.join(SINGLE)}.")
