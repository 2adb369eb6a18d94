"""OpenRaster: a zip archive of PNG files, and an XML file with their order and positions."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .depth import WITH_ALPHA, full_scale
from .layers import Sheet, Stack, check_size, choose, picture_of
from .metadata import Metadata
from .picture import Picture
from .read import opened, read_picture
from .write import encode_picture

_LARGEST = 1 << 20  # largest size of the XML file in bytes
_MERGED = "mergedimage.png"
_OVER = "svg:src-over"
_THUMBNAIL = 256  # largest side of the thumbnail in pixels


def encode(stack: Stack) -> bytes:
    """Encode a file: its layers, and the flattened picture."""
    picture, stream = stack.picture, io.BytesIO()
    bare = Metadata(icc=picture.metadata.icc, resolution=picture.metadata.resolution)
    image = ElementTree.Element("image", version="0.0.3", w=str(picture.width), h=str(picture.height))
    if bare.resolution:
        for name, dots in zip(("xres", "yres"), bare.resolution, strict=True):
            image.set(name, str(round(dots * 25.4)))
    listed = ElementTree.SubElement(image, "stack")
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:  # PNG is already compressed
        archive.writestr("mimetype", "image/openraster")
        for number, sheet in reversed([*enumerate(stack.sheets)]):
            file = f"data/layer{number}.png"
            archive.writestr(file, encode_picture(Picture(_pixels(sheet), bare), ".png"))
            attributes = {"name": sheet.name, "src": file, "opacity": "1.0", "composite-op": _OVER}
            attributes |= {"x": str(sheet.window.left), "y": str(sheet.window.top)}
            attributes["visibility"] = "visible" if sheet.visible else "hidden"
            ElementTree.SubElement(listed, "layer", attributes)
        archive.writestr("stack.xml", ElementTree.tostring(image, "utf-8", xml_declaration=True))
        archive.writestr(_MERGED, encode_picture(picture, ".png"))
        archive.writestr("Thumbnails/thumbnail.png", _thumbnail(picture))
    return stream.getvalue()


def _pixels(sheet: Sheet) -> NDArray[Any]:
    """Return the pixels with the mask as alpha, because the format has no masks."""
    if sheet.mask is None:
        return sheet.pixels
    return np.concatenate([sheet.pixels, sheet.mask[..., None]], axis=-1)


def _thumbnail(picture: Picture) -> bytes:
    step = -(-max(picture.height, picture.width) // _THUMBNAIL)
    small = picture.pixels[::step, ::step]
    if small.dtype == np.uint16:
        small = (small >> 8).astype(np.uint8)
    return encode_picture(Picture(np.ascontiguousarray(small), Metadata(icc=picture.metadata.icc)), ".png")


class _Layer(NamedTuple):
    name: str
    shown: bool
    opacity: float
    mode: str
    x: int
    y: int
    source: str


def read(path: str | os.PathLike[str], name: str | None) -> tuple[Picture, Picture]:
    """Read a file; see `layered.read_layers`."""
    with _opened(path) as archive:
        return _read(archive, path, name)


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Read the metadata; see `layered.read_metadata`."""
    with _opened(path) as archive:
        return read_picture(archive.read(_MERGED), name=str(path)).metadata


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Open a file, and turn errors in the block into a sentence."""
    try:
        with opened(path), zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, ElementTree.ParseError) as error:
        raise PictureError(f"{path} is damaged or no OpenRaster file ({error}); save it again.") from error


def _read(archive: zipfile.ZipFile, path: object, name: str | None) -> tuple[Picture, Picture]:
    if archive.getinfo("stack.xml").file_size > _LARGEST:
        raise PictureError(f"{path} has too large a list of layers; flatten some of them.")
    text = archive.read("stack.xml")
    if b"<!DOCTYPE" in text:
        raise PictureError(f"{path} has a list of layers that is not read; save it again.")
    image = ElementTree.fromstring(text)  # without a DOCTYPE, no entities can be expanded
    size = int(image.attrib["h"]), int(image.attrib["w"])
    check_size(*size, path)
    found = [*_layers(image.find("stack"), shown=True, opacity=1.0)][::-1]
    place = choose([each.name for each in found], [each.shown for each in found], name, path)
    first = read_picture(archive.read(found[place].source), name=f"{path}, layer {found[place].name!r}")
    metadata = _metadata(archive, first)
    foreground = _flat([found[place]._replace(shown=True)], archive, size, path, first.pixels.dtype)
    background = _flat(found[:place], archive, size, path, first.pixels.dtype)
    dtype = first.pixels.dtype
    above = picture_of(*foreground, dtype=dtype, metadata=metadata, keep_alpha=True)
    return above, picture_of(*background, dtype=dtype, metadata=metadata, keep_alpha=False)


def _metadata(archive: zipfile.ZipFile, first: Picture) -> Metadata:
    """Return the metadata of the flattened picture, if there is one."""
    if _MERGED not in archive.namelist():
        return replace(first.metadata, format=None)
    merged = read_picture(archive.read(_MERGED), name=_MERGED)
    return replace(merged.metadata, format=None)


def _layers(stack: Any, *, shown: bool, opacity: float) -> Iterator[_Layer]:
    """Yield the layers from the highest to the lowest, including those in groups."""
    if stack is None:
        return
    for each in stack:
        seen = shown and each.get("visibility", "visible") == "visible"
        share = opacity * float(each.get("opacity", "1"))
        mode = each.get("composite-op", _OVER)
        if each.tag == "stack":
            yield from _layers(each, shown=seen, opacity=share)
        elif each.tag == "layer":
            x, y = int(each.get("x", "0")), int(each.get("y", "0"))
            yield _Layer(each.get("name", ""), seen, share, mode, x, y, each.attrib["src"])


def _flat(
    layers: list[_Layer], archive: zipfile.ZipFile, size: tuple[int, int], path: object, dtype: np.dtype[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Blend layers to colors (H,W,3), not multiplied by alpha, and alpha (H,W,1)."""
    color, alpha = np.zeros((*size, 3), np.float32), np.zeros((*size, 1), np.float32)
    for layer in layers:
        if not layer.shown:
            continue
        if layer.mode != _OVER:
            raise PictureError(
                f"{path} has a layer {layer.name!r} that is not blended normally; merge it first."
            )
        pixels = read_picture(archive.read(layer.source), name=f"{path}, layer {layer.name!r}").pixels
        if pixels.dtype != dtype:
            raise PictureError(f"{path} has layers of different depths; save it with one.")
        above, share, place = _placed(pixels, layer, size)
        below, behind = color[place], (1 - share) * alpha[place]
        total = share + behind
        mixed = (share * above + behind * below) / np.where(total > 0, total, 1)
        color[place] = np.where(share == 1, above, mixed)
        alpha[place] = total
    return color, alpha


def _placed(
    pixels: NDArray[Any], layer: _Layer, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[slice, slice]]:
    """Return the colors, alpha and position of the part of a layer within the canvas."""
    top, left = max(layer.y, 0), max(layer.x, 0)
    pixels = pixels[top - layer.y :, left - layer.x :][: max(size[0] - top, 0), : max(size[1] - left, 0)]
    values = np.divide(pixels, np.float32(full_scale(pixels.dtype)), dtype=np.float32)
    transparent = pixels.shape[2] in WITH_ALPHA
    colors = values[..., :-1] if transparent else values
    share = values[..., -1:] if transparent else np.ones((*values.shape[:2], 1), np.float32)
    height, width = pixels.shape[:2]
    place = slice(top, top + height), slice(left, left + width)
    return np.broadcast_to(colors, (height, width, 3)), share * np.float32(layer.opacity), place
