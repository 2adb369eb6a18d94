"""Layered files: Photoshop's PSD, OpenRaster, and TIFF with Photoshop's layers."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Any

import numpy as np

from ..errors import PictureError
from . import openraster, psd
from .formats import LAYERED
from .layers import Stack
from .metadata import Metadata
from .picture import Picture

_TIFF = (".tif", ".tiff")
_LONGEST = 30000  # largest side of a PSD file in pixels


def check_layers(picture: Picture, path: str | os.PathLike[str]) -> str:
    """Check that layers can be written under a name, and describe the format, such as "PSD with layers".

    Raises:
        PictureError: The format cannot hold layers, or not those of this picture.
        CdtnetError: The library is not installed; the message names the extra.
    """
    suffix = PurePath(path).suffix.lower()
    kind = LAYERED.get(suffix) or ("TIFF" if suffix in _TIFF else None)
    if kind is None:
        raise PictureError(
            f"Layers are written to .psd, .ora and .tif files, not to {suffix or 'names without a suffix'}."
        )
    if picture.pixels.dtype == np.float32:
        raise PictureError(
            f"{kind} cannot hold float32 pixels in layers; write the picture and its layer (--layer) as TIFF."
        )
    if picture.metadata.hdr is not None:
        raise PictureError(f"{kind} cannot declare that the picture is an HDR signal (PQ or HLG); write PNG.")
    if kind != "OpenRaster":
        psd.check_installed(f"Writing {kind} with layers", tiff=kind == "TIFF")
        if max(picture.height, picture.width) > _LONGEST:
            raise PictureError(
                f"{kind} holds layers of at most {_LONGEST} pixels a side; write OpenRaster (.ora)."
            )
    return f"{kind} with layers"


def encode_layers(stack: Stack, suffix: str) -> bytes:
    """Encode a layered file.

    Args:
        stack: The layers, accepted by `check_layers`.
        suffix: The suffix of the file's name.
    """
    return psd.encode_tiff(stack) if suffix.lower() in _TIFF else _library(suffix).encode(stack)


def read_layers(path: str | os.PathLike[str], name: str | None = None) -> tuple[Picture, Picture]:
    """Read a layered file as a cut-out and the picture below it.

    Args:
        path: A PSD or OpenRaster file.
        name: The name of the layer that is the cut-out; by default the highest visible one.

    Returns:
        The cut-out with alpha, in the size of the file's canvas, and the picture below it. Layers above it
        are left out.

    Raises:
        PictureError: The file cannot be read, has no such layer or none below it, or uses features that only
            its own editor can render.
        CdtnetError: The library is not installed; the message names the extra.
    """
    if PurePath(path).suffix.lower() not in LAYERED:
        raise PictureError(
            f"{path} holds no layers; give a PSD or OpenRaster (.ora) file, or a picture and its mask."
        )
    return _library(PurePath(path).suffix).read(path, name)


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Read the metadata of a layered file without decoding pixels.

    Raises:
        PictureError: The file cannot be read.
        CdtnetError: The library is not installed; the message names the extra.
    """
    return _library(PurePath(path).suffix).read_metadata(path)


def _library(suffix: str) -> Any:
    return openraster if suffix.lower() == ".ora" else psd
