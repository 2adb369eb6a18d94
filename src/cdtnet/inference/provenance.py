"""The record of how a result was made, for its metadata."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np

from ..errors import PictureError
from ..imaging import to_picture
from ..imaging.formats import is_layered
from ..imaging.xmp import extract

Record = dict[str, Any]


def identity(source: Any) -> dict[str, str]:
    """Identify a picture by the SHA-256 of its file, or of its pixels if it comes from memory.

    Args:
        source: A path, the bytes of a file, or another input of `Harmonizer`, which is identified by its
            type, shape and values.
    """
    if isinstance(source, bytes):
        return {"file": hashlib.sha256(source).hexdigest()}
    if isinstance(source, str | os.PathLike):
        return {"file": file_sha256(source)}
    pixels = source if isinstance(source, np.ndarray) else to_picture(source).pixels
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return {"pixels": digest.hexdigest()}


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it.

    Raises:
        PictureError: The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise PictureError(f"{path} cannot be read ({error.strerror}).") from error
    return digest.hexdigest()


def read_record(path: str | os.PathLike[str]) -> Record | None:
    """Read the record of a picture's file, if possible without decoding pixels; None if it has none.

    Raises:
        PictureError: The file cannot be opened, or is not a picture.
    """
    import pyvips

    from ..imaging import decoders
    from ..imaging.layered import read_metadata
    from ..imaging.pages import pages_of
    from ..imaging.read import explained, field, kind_of, load, opened, read_picture

    if is_layered(os.fspath(path)):
        return extract(read_metadata(path).xmp)
    with opened(path) as (stream, name):
        kind = kind_of(stream, name)
        if kind in decoders.KINDS or any(page.lab for page in pages_of(stream)):
            return read_picture(path).record  # headers of these formats cannot be read separately
        with explained(name, kind):
            image = load(pyvips.Source.new_from_file(name), kind)
    return extract(field(image, "xmp-data"))
