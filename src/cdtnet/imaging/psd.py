"""Photoshop's layers in PSD and TIFF files, by psd-tools."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError, needs
from .layers import Sheet, Stack, check_size, choose, picture_of
from .metadata import Metadata
from .picture import Picture
from .read import opened

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_DEPTHS: dict[int, np.dtype[Any]] = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16)}
_RESOLUTION, _ICC, _EXIF, _XMP = 1005, 1039, 1058, 1060  # image resources
_BLOCK = b"Adobe Photoshop Document Data Block\0"
_ADOBE_LAYERS = 37724  # TIFF's tag of that block
_TIFF_XMP, _TIFF_ICC = 700, 34675


def check_installed(what: str, *, tiff: bool = False) -> None:
    """Check, before any work is done, that layers can be written.

    Raises:
        CdtnetError: A library is not installed; the message names the extra.
    """
    with needs("layers", what):
        import psd_tools  # noqa: F401

        if tiff:
            import tifffile  # noqa: F401


def encode(stack: Stack) -> bytes:
    """Encode a PSD file."""
    psd = _document(stack)
    stream = io.BytesIO()
    psd._record.write(stream)  # `save` would render the flattened picture again
    return stream.getvalue()


def _document(stack: Stack) -> Any:
    from psd_tools import PSDImage
    from psd_tools.psd.image_resources import ImageResource

    picture = stack.picture
    depth: Any = picture.pixels.dtype.itemsize * 8
    psd: Any = PSDImage.new(_MODES[picture.pixels.shape[2]], (picture.width, picture.height), depth=depth)
    for sheet in stack.sheets:
        _add(psd, sheet, depth)
    record = psd._record
    planes = np.moveaxis(picture.pixels, -1, 0)
    record.image_data.set_data([_bytes(plane) for plane in planes], record.header)
    for key, data in _resources(picture.metadata):
        record.image_resources[key] = ImageResource(key=key, data=data)
    information = record.layer_and_mask_information
    if picture.alpha is not None:
        information.layer_info.layer_count *= -1  # the flattened picture has alpha
    if depth == 16:  # in the block that Photoshop uses
        from psd_tools.constants import Tag
        from psd_tools.psd.layer_and_mask import LayerInfo
        from psd_tools.psd.tagged_blocks import TaggedBlocks

        info = information.layer_info
        blocks = information.tagged_blocks = information.tagged_blocks or TaggedBlocks()
        blocks.set_data(Tag.LAYER_16, info.layer_count, info.layer_records, info.channel_image_data)
        information.layer_info = LayerInfo()
    return psd


def _add(psd: Any, sheet: Sheet, depth: int) -> None:
    from PIL import Image

    window = sheet.window
    layer = psd.create_pixel_layer_from_array(sheet.pixels, sheet.name, window.top, window.left)
    layer.visible = sheet.visible
    if sheet.mask is None:
        return
    high = sheet.mask if depth == 8 else (sheet.mask >> 8).astype(np.uint8)
    layer.create_mask(Image.fromarray(high), top=window.top, left=window.left)
    if depth == 16:  # a PIL image cannot hold it
        height, width = sheet.mask.shape
        layer._channels[-1].set_data(_bytes(sheet.mask), width, height, depth, 1)


def _bytes(plane: NDArray[Any]) -> bytes:
    return plane.astype(plane.dtype.newbyteorder(">")).tobytes()


def _resources(metadata: Metadata) -> Iterable[tuple[int, bytes]]:
    if metadata.resolution:
        across, down = (round(dots * 25.4 * 65536) for dots in metadata.resolution)
        yield _RESOLUTION, struct.pack(">IHHIHH", across, 1, 1, down, 1, 1)
    for key, data in ((_ICC, metadata.icc), (_EXIF, metadata.exif), (_XMP, metadata.xmp)):
        if data:
            yield key, data


def encode_tiff(stack: Stack) -> bytes:
    """Encode a TIFF file: the picture, and its layers in Photoshop's block."""
    import tifffile

    picture, metadata = stack.picture, stack.picture.metadata
    tags = [(_ADOBE_LAYERS, 7, None, _block(_document(stack)), True)]
    if metadata.xmp:
        tags.append((_TIFF_XMP, 1, None, metadata.xmp, True))
    pixels, stream = picture.pixels, io.BytesIO()
    across, down = metadata.resolution or (0.0, 0.0)
    tifffile.imwrite(
        stream,
        pixels[..., 0] if pixels.shape[2] == 1 else pixels,
        byteorder=">",  # the byte order of the layers
        photometric="rgb" if pixels.shape[2] > 2 else "minisblack",
        planarconfig="contig",
        extrasamples=["unassalpha"] if picture.alpha is not None else [],
        compression="zlib",
        resolution=(across * 25.4, down * 25.4) if metadata.resolution else None,
        resolutionunit="INCH" if metadata.resolution else None,
        iccprofile=metadata.icc,
        metadata=None,
        software=False,
        extratags=tags,
    )
    from .exif import into_tiff

    return into_tiff(stream.getvalue(), metadata.exif) if metadata.exif else stream.getvalue()


def _block(psd: Any) -> bytes:
    """Return the layers as a tagged block for TIFF files."""
    from psd_tools.constants import Tag

    information, stream = psd._record.layer_and_mask_information, io.BytesIO()
    blocks = information.tagged_blocks
    deep = blocks is not None and Tag.LAYER_16 in blocks
    key, info = (b"Lr16", blocks[Tag.LAYER_16].data) if deep else (b"Layr", information.layer_info)
    info._write_body(stream, "macroman", 1, 4)
    data = stream.getvalue()
    return _BLOCK + b"8BIM" + key + struct.pack(">I", len(data)) + data


def read(path: str | os.PathLike[str], name: str | None) -> tuple[Picture, Picture]:
    """Read a file; see `layered.read_layers`."""
    psd = _open(path)
    from psd_tools.constants import BlendMode

    check_size(psd.height, psd.width, path)
    if psd.color_mode.name not in ("RGB", "GRAYSCALE") or psd.depth not in _DEPTHS:
        raise PictureError(
            f"{path} has the mode {psd.color_mode.name} and {psd.depth} bits; convert it to RGB of 8 or 16 "
            "bits."
        )
    layers = [*psd]
    place = choose([each.name for each in layers], [each.visible for each in layers], name, path)
    chosen, below = layers[place], layers[:place]
    if chosen.blend_mode not in (BlendMode.NORMAL, BlendMode.PASS_THROUGH):
        raise PictureError(
            f"{path} has a layer {chosen.name!r} that is not blended normally; merge it first."
        )
    metadata, dtype = _metadata(psd), _DEPTHS[psd.depth]
    seen = _explained(path, lambda: _composite(psd, [chosen]))
    behind = _explained(path, lambda: _composite(psd, [each for each in below if each.visible]))
    foreground = picture_of(*seen, dtype=dtype, metadata=metadata, keep_alpha=True)
    return foreground, picture_of(*behind, dtype=dtype, metadata=metadata, keep_alpha=False)


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Read the metadata; see `layered.read_metadata`."""
    return _metadata(_open(path))


def _open(path: str | os.PathLike[str]) -> Any:
    check_installed(f"{path} is a PSD file, and reading it")
    from psd_tools import PSDImage

    with opened(path) as (stream, _):
        return _explained(path, lambda: PSDImage.open(stream))


def _composite(psd: Any, wanted: list[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Render some layers of a file, with their contents, to colors (H,W,C) and alpha (H,W,1), 0..1."""
    from psd_tools.composite import composite

    chosen = {id(layer) for layer in wanted}

    def is_seen(layer: Any) -> bool:
        top = layer
        while top.parent is not None and top.parent is not psd:
            top = top.parent
        return id(top) in chosen and (layer.visible or layer is top)

    color, _, alpha = composite(psd, color=0.0, alpha=0.0, layer_filter=is_seen)
    return color, alpha


def _explained(path: object, work: Any) -> Any:
    """Call a function, and turn errors of psd-tools into a sentence."""
    try:
        return work()
    except PictureError:
        raise
    except Exception as error:  # psd-tools raises errors of many types for damaged files
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise PictureError(
            f"{path} is damaged or uses unsupported features ({words}); merge its layers in an editor."
        ) from error


def _metadata(psd: Any) -> Metadata:
    resources = psd.image_resources
    resolution = None
    if _RESOLUTION in resources:
        across, _, _, down, _, _ = struct.unpack(">IHHIHH", _raw(resources[_RESOLUTION])[:16])
        resolution = (across / 65536 / 25.4, down / 65536 / 25.4)
    icc, exif, xmp = (_raw(resources[key]) if key in resources else None for key in (_ICC, _EXIF, _XMP))
    return Metadata(icc=icc, exif=exif, xmp=xmp, resolution=resolution)


def _raw(resource: Any) -> bytes:
    data = resource.data
    if isinstance(data, bytes):
        return data
    stream = io.BytesIO()
    data.write(stream)
    return stream.getvalue()
