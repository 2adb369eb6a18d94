"""Reading picture files in native depth and upright, completely or not at all."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips
from numpy.typing import NDArray

from ..errors import CdtnetError, PictureError
from ..system.files import check_regular
from ..system.forking import use_threads
from ..system.machine import free_memory
from . import chunks, decoders, profiles, second, thumbnails
from . import exif as exif_blocks
from .containers import code_points, format_of, is_animated_png, is_lossless_webp
from .depth import CHANNELS, WITH_ALPHA, divided
from .formats import AVIF, FORMATS, why_unread
from .metadata import Metadata
from .native import UNTAGGED, Native
from .pages import EXTRA_SAMPLES, PHOTOMETRIC, Page, pages_of, with_tag
from .picture import Picture

MAX_PIXELS = 1 << 30
COPIES = 3  # copies of the pixels in memory while harmonizing: read, changed and encoded
DEPTHS = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_COLORS = ("srgb", "rgb", "rgb16", "scrgb", "b-w", "grey16", "multiband")
COLOR_SPACES = ("srgb", "linear")
_LOADERS = {AVIF.name: "heif"}  # libvips' name of the loader, if not the format's in lower case
_TURNED = (AVIF.name,)  # formats whose orientation is applied by the decoder
_SEPARATE = 2  # TIFF's code of alpha that is not premultiplied
_RGB = 2  # TIFF's code of RGB pixels, which libvips reads unchanged
_SEVERAL = ("TIFF", "GIF", "WebP")  # formats whose pages can be selected
_UNSIGNED = {"char": "uchar", "short": "ushort"}
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>)\s*)[2-8]""")


def read_picture(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    max_pixels: int = MAX_PIXELS,
    page: int | None = None,
    color_space: str | None = None,
    profile: str | os.PathLike[str] | bytes | None = None,
    name: str = "The given data",
) -> Picture:
    """Read a picture of any of the formats in `formats.FORMATS`.

    Depth and channels are those of the file, except that palettes become RGB (with alpha if they have it),
    1-bit pictures become 8-bit gray, and CMYK and L*a*b* become 16-bit sRGB, which is written back in the
    file's own space. Otherwise there is no color conversion. The orientation is applied to the pixels and
    reset in EXIF and XMP. Thumbnails are dropped here, and generated again when the picture is written.

    Args:
        source: The path of a file, its bytes, or a file that is open for reading.
        max_pixels: The largest number of pixels to decode, checked against the file's header.
        page: The picture to read from a TIFF, GIF or WebP file with several, from 1.
        color_space: The color space of pixels without a profile, "srgb" or "linear" (light, with sRGB's
            primaries); by default what the file declares in other ways, or sRGB.
        profile: An ICC profile, or its file, for pixels without a profile; the result contains it.
        name: The name of bytes in messages, if they have no file name.

    Raises:
        PictureError: The file is missing, damaged, truncated, too large (for the limit or the free memory),
            has several pages of which none is selected, or is of an unsupported format, depth or color space.
        CdtnetError: The format needs an extra, which the message names.
    """
    if color_space not in (None, *COLOR_SPACES):
        raise PictureError(f"There is no color space {color_space!r}; choose {' or '.join(COLOR_SPACES)}.")
    given = None if profile is None else profiles.given(profile)
    if color_space and given:
        raise PictureError("Give either a color space or a profile for pixels without a profile, not both.")
    if not isinstance(source, str | os.PathLike | bytes):
        source = source.read()
    if isinstance(source, bytes):
        picture = _read(io.BytesIO(source), pyvips.Source.new_from_memory(source), name, max_pixels, page)
    else:
        with opened(source) as (stream, path):
            picture = _read(stream, pyvips.Source.new_from_file(path), path, max_pixels, page)
    if color_space == "linear":
        return _tagged(picture, profiles.linear_srgb()) if picture.metadata.native is None else picture
    return _tagged(picture, given) if given else picture


def replace_metadata(picture: Picture, **changes: Any) -> Picture:
    """Return the same picture with changes to its metadata."""
    return Picture(picture.pixels, replace(picture.metadata, **changes))


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[BinaryIO, str]]:
    """Open a picture file for reading, and return it with its name.

    Raises:
        PictureError: The file cannot be opened or read.
    """
    path = Path(path)
    try:
        str(path).encode()  # raises an error for names that libvips does not accept
        check_regular(path)
        with path.open("rb") as stream:
            yield stream, str(path)
    except FileNotFoundError as error:
        raise PictureError(f"{path} does not exist; check the name.") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path} is a folder; give the name of a picture file.") from error
    except pyvips.Error as error:
        raise PictureError(f"{path} cannot be read; check the file and its permissions.") from error
    except UnicodeEncodeError as error:
        raise PictureError(f"The name {str(path)!r} is not UTF-8; rename the file.") from error
    except OSError as error:
        raise PictureError(
            f"{path} cannot be read ({error.strerror}); check the file and its permissions."
        ) from error


def decoded_bytes(data: bytes) -> int:
    """Return the memory that the decoded pixels of a file take, by its header; 0 if unreadable."""
    stream = io.BytesIO(data)
    try:
        kind = kind_of(stream, "")
        if kind in decoders.KINDS:
            return decoders.decoded_bytes(kind, stream)
        source = _as_stored(stream, pyvips.Source.new_from_memory(data), choose_page(stream, kind, "", None))
        image = load(source, kind)
        return int(image.width * image.height * _bytes_a_pixel(image))
    except (CdtnetError, pyvips.Error):
        return 0


def _read(stream: BinaryIO, source: Any, name: str, max_pixels: int, page: int | None) -> Picture:
    kind = kind_of(stream, name)
    if kind in decoders.KINDS:
        _check_page(name, 1, page)

        def check_size(width: int, height: int, channels: int, size: int) -> None:
            _check_count(width, height, name, max_pixels)
            _check_memory(width, height, channels * size, name)

        return decoders.decode(kind, stream, name, check_size)
    chosen = choose_page(stream, kind, name, page)
    source = _as_stored(stream, source, chosen)  # must be kept as long as its image
    with explained(name, kind):
        image = load(source, kind, chosen.number if chosen else 0)
        if chosen and chosen.lab and image.format in _UNSIGNED:
            image = image.copy(format=_UNSIGNED[image.format], interpretation="multiband")
        if not chosen:
            _check_page(name, field(image, "n-pages") or 1, page)
            if page:
                image = load(source, kind, page - 1)
        check(image, name, max_pixels, animated=kind == "PNG" and is_animated_png(stream))
        _check_memory(image.width, image.height, _bytes_a_pixel(image), name)
        pixels = _pixels(image)
    orientation = 1 if kind in _TURNED else field(image, "orientation") or 1
    offset = chosen.offset if chosen and chosen.number else None
    metadata = read_metadata(image, kind, stream, orientation, offset)
    pixels = _upright(pixels, orientation)
    if image.interpretation == "cmyk" or (chosen and chosen.lab):
        return _of_native(pixels, metadata, chosen.lab if chosen and chosen.lab else "cmyk", name)
    if metadata.bits:
        pixels = decoders.filled(pixels, metadata.bits)
    if chosen and chosen.associated and image.bands in WITH_ALPHA:
        return Picture(divided(pixels), replace(metadata, associated=True))
    return Picture(pixels, metadata)


def _as_stored(stream: BinaryIO, source: Any, chosen: Page | None) -> Any:
    """Return the source of a file, with associated alpha declared as separate and L*a*b* as RGB."""
    if chosen is None or not (chosen.associated or chosen.lab):
        return source
    stream.seek(0)
    data = stream.read()
    if chosen.associated:
        data = with_tag(data, EXTRA_SAMPLES, _SEPARATE, chosen.offset)
    if chosen.lab:
        data = with_tag(data, PHOTOMETRIC, _RGB, chosen.offset)
    return pyvips.Source.new_from_memory(data)


def _of_native(pixels: NDArray[Any], metadata: Metadata, space: str, name: str) -> Picture:
    """Make a picture from CMYK or L*a*b* pixels, converted to RGB."""
    if space != "cmyk" and pixels.shape[2] != 3:
        raise PictureError(f"{name} is an L*a*b* picture with alpha; flatten it or convert it to RGB first.")
    native = Native(pixels, metadata.icc if space == "cmyk" else None, space)
    untagged = space == "cmyk" and metadata.icc is None
    left_out = (*metadata.left_out, UNTAGGED) if untagged else metadata.left_out
    return Picture(native.to_rgb(), replace(metadata, icc=None, native=native, left_out=left_out))


def _tagged(picture: Picture, profile: bytes) -> Picture:
    """Return the picture with a profile, unless its file has one."""
    metadata, native = picture.metadata, picture.metadata.native
    if native is None:
        untagged = metadata.icc is None and metadata.hdr is None
        return replace_metadata(picture, icc=profile) if untagged else picture
    if native.space != "cmyk" or native.icc is not None:
        return picture
    if profile[16:20] != b"CMYK":
        raise PictureError("The picture is in CMYK, but the given profile is not; give a CMYK profile.")
    native = replace(native, icc=profile)
    left_out = tuple(sentence for sentence in metadata.left_out if sentence != UNTAGGED)
    return Picture(native.to_rgb(), replace(metadata, native=native, left_out=left_out))


def kind_of(stream: BinaryIO, name: str) -> str:
    """Return the format of a file by its first bytes.

    Raises:
        PictureError: The file is empty or of an unknown format.
    """
    head = stream.read(64)
    formats = ", ".join(FORMATS)
    if not head:
        raise PictureError(f"{name} is empty; give a picture.")
    kind = format_of(head)
    if kind == "raw" or (kind in (None, "TIFF") and (why_unread(name) or "").find("camera raw") > 0):
        raise PictureError(f"{name} is a camera raw file; develop it to TIFF or JPEG first.")
    if kind is None:
        unknown = f"{name} is not a picture of a supported format; convert it ({formats})."
        raise PictureError(why_unread(name) or unknown)
    return kind


def choose_page(stream: BinaryIO, kind: str, name: str, page: int | None) -> Page | None:
    """Return the page of a TIFF file to be read; None for other or badly damaged files.

    Raises:
        PictureError: There are several pages and none is selected, or it is a camera raw file.
    """
    pages = pages_of(stream) if kind == "TIFF" else []
    if any(each.raw for each in pages):
        raise PictureError(f"{name} is a camera raw file; develop it to TIFF or JPEG first.")
    shown = [each for each in pages if each.shown] or pages
    if not shown:
        return None
    _check_page(name, len(shown), page)
    return shown[(page or 1) - 1]


def _check_page(name: str, count: int, page: int | None) -> None:
    if page is None and count > 1:
        raise PictureError(
            f"{name} is animated or has several pages; select one with --page, 1 to {count:,}, or save the "
            "one you want as a separate file."
        )
    if page is not None and not 1 <= page <= count:
        pages = "one page" if count == 1 else f"{count:,} pages"
        raise PictureError(f"{name} has {pages}, so there is no page {page}.")


def load(source: Any, kind: str, page: int = 0) -> Any:
    """Return the libvips image of a `pyvips.Source`, to be read once from top to bottom."""
    use_threads()
    loader = getattr(pyvips.Image, f"{_LOADERS.get(kind, kind.lower())}load_source")
    options = {"page": page} if page and kind in _SEVERAL else {}
    return loader(source, access="sequential", fail_on="error", **options)


@contextmanager
def explained(name: str, kind: str) -> Iterator[None]:
    """Turn errors of libvips in the block into a message about the file."""
    try:
        yield
    except pyvips.Error as error:
        detail = next((line.strip() for line in error.detail.splitlines() if line.strip()), "no details")
        raise PictureError(
            f"{name} is damaged, incomplete or of a kind of {kind} that cannot be read ({detail}); "
            "save it again from its source."
        ) from error


def check(image: Any, name: str, max_pixels: int, *, animated: bool) -> None:
    """Refuse unsupported pictures before pixels are decoded."""
    _check_count(image.width, image.height, name, max_pixels)
    if animated:
        raise PictureError(f"{name} is animated; save the frame you want as a separate file.")
    if image.interpretation == "cmyk" and image.bands != 4:
        raise PictureError(f"{name} is a CMYK picture with alpha; flatten it or convert it to RGB first.")
    if image.interpretation not in (*_COLORS, "cmyk") or image.bands not in CHANNELS:
        what = f"{image.bands} channels of color space {image.interpretation}"
        raise PictureError(f"{name} has {what}; convert it to gray or RGB first, with or without alpha.")
    if image.format not in DEPTHS:
        raise PictureError(
            f"{name} stores its pixels as {image.format}; save it with 8, 16 or 32-bit float depth."
        )


def _check_count(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureError(
            f"{name} has {width}×{height} pixels, more than the limit of {max_pixels:,}; reduce it first."
        )


def _check_memory(width: int, height: int, size: int, name: str) -> None:
    """Refuse pictures that do not fit into memory: small files may decode to very many pixels."""
    free, needed = free_memory(), COPIES * width * height * size
    if free is not None and needed > free:
        raise PictureError(
            f"{name} has {width}×{height} pixels, which take up to {needed / 1e9:.1f} GB of "
            f"memory, and {max(free, 0) / 1e9:.1f} GB are free; reduce it first."
        )


def _bytes_a_pixel(image: Any) -> int:
    depth = np.dtype(DEPTHS.get(image.format, np.uint8)).itemsize
    more = 6 if image.interpretation in ("cmyk", "multiband") else 0  # also converted to RGB
    return int(image.bands * depth) + more


def _pixels(image: Any) -> NDArray[Any]:
    flat = np.frombuffer(image.write_to_memory(), dtype=DEPTHS[image.format])
    return flat.reshape(image.height, image.width, image.bands)


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Apply an EXIF orientation (1 to 8) to (H, W, C) pixels."""
    turned = pixels.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else pixels
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(turned[rows, columns])


def read_metadata(
    image: Any, kind: str, stream: BinaryIO, orientation: int, offset: int | None = None
) -> Metadata:
    """Read the metadata of a file, for upright pixels.

    Args:
        image: The image as opened by libvips.
        kind: Its format.
        stream: The file.
        orientation: The EXIF orientation that was applied.
        offset: The offset of the TIFF directory of the pixels; None for the first.

    Raises:
        PictureError: The color definitions are invalid.
    """
    blob = field(image, "exif-data")
    tiff = kind == "TIFF"
    exif = exif_blocks.from_tiff(stream, offset) if tiff else blob and blob.removeprefix(b"Exif\0\0")
    xmp = field(image, "xmp-data")
    if xmp and orientation > 1:
        xmp = _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)
    left_out = second.describe(stream, xmp) if kind == "JPEG" else None
    photoshop, iptc = field(image, "photoshop-data"), field(image, "iptc-data")
    if not tiff:
        photoshop, iptc = iptc, None
    small = {thumbnails.EXIF: exif and exif_blocks.has_thumbnail(exif)}
    small[thumbnails.PHOTOSHOP] = second.has_thumbnail(photoshop)
    metadata = Metadata(
        icc=field(image, "icc-profile-data"),
        exif=exif_blocks.upright(exif, sideways=orientation > 4) if exif else None,
        xmp=second.without_promises(xmp),
        iptc=second.resources(photoshop, iptc) if kind in ("JPEG", "TIFF") else None,
        # 1 pixel per millimeter is libvips' value if the file has none, or 72 dpi for JPEG and PNG.
        resolution=None if (image.xres, image.yres) == (1.0, 1.0) else (image.xres, image.yres),
        lossless=is_lossless_webp(stream) if kind == "WebP" else kind not in ("JPEG", AVIF.name),
        format=kind,
        thumbnails=tuple(place for place, found in small.items() if found),
        left_out=(left_out,) if left_out else (),
    )
    return _colored(metadata, image, stream)


def _colored(metadata: Metadata, image: Any, stream: BinaryIO) -> Metadata:
    """Add color definitions of the file other than an ICC profile to the metadata."""
    if metadata.format == "PNG":
        kept = chunks.read(stream)
        points = chunks.code_points(kept)
        if points is None:
            if metadata.icc is not None:
                return replace(metadata, chunks=chunks.without_color(kept))
            return replace(metadata, chunks=kept, icc=chunks.profile(kept))
        if points[2] or points[3] != 1:
            raise PictureError("The picture holds a video signal (cICP) and no RGB; convert it to sRGB.")
        if profiles.is_hdr(points):
            profiles.hdr_shaper(points)
            return replace(metadata, chunks=kept, icc=None, hdr=points)
        return replace(metadata, chunks=kept, icc=profiles.of_code_points(points))
    if metadata.format == AVIF.name:
        bits = int(field(image, "bits-per-sample") or 8)
        metadata = replace(metadata, bits=bits if bits > 8 else None)
        points = code_points(stream)
        if metadata.icc is None and points is not None:
            if profiles.is_hdr(points):
                profiles.hdr_shaper(points)
                return replace(metadata, hdr=points)
            return replace(metadata, icc=profiles.of_code_points(points))
    if metadata.icc is None and metadata.exif and exif_blocks.is_adobe_rgb(metadata.exif):
        return replace(metadata, icc=profiles.adobe_rgb())
    return metadata


def field(image: Any, name: str) -> Any:
    """Return a header field, or None if there is none of that name."""
    return image.get(name) if image.get_typeof(name) else None
