"""A file of every kind, generated, with the expected outcome."""

import io
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tifffile
from PIL import Image, ImageCms

from cdtnet.imaging import Metadata, Picture, encode_picture

HEIGHT, WIDTH = 32, 48


def smooth(channels: int = 3, dtype: str = "uint8", height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Make a picture that all encoders handle well."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    values = np.stack(
        [x, y, (x + y) / 2, 0.5 + 0.5 * x][:channels] if channels > 2 else [x, 0.5 + 0.5 * y][:channels], -1
    )
    if dtype == "float32":
        return values.astype(np.float32)
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def ours(suffix: str, dtype: str = "uint8", channels: int = 3, **metadata: Any) -> bytes:
    """Encode by this package."""
    return encode_picture(Picture(smooth(channels, dtype), Metadata(**metadata)), suffix)


def pillow(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Encode by Pillow."""
    stream = io.BytesIO()
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = smooth(channels)
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode if channels in (2, 4) else None).save(
        stream, kind, **options
    )
    return stream.getvalue()


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    """Encode by tifffile."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **{"photometric": "rgb", **options})
    return stream.getvalue()


def lab(kind: str = "uint8") -> bytes:
    """Encode L*a*b* in a TIFF file: 8 bits by Pillow and LittleCMS, 16 bits by hand."""
    spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(smooth()), *spaces, outputMode="LAB")
    if kind == "uint8":
        stream = io.BytesIO()
        image.save(stream, "TIFF")
        return stream.getvalue()
    values = np.asarray(image).astype(np.uint16) * np.array([257, 256, 256], np.uint16)
    return tiff(values, photometric="cielab")


def deep_jpeg_2000(bits: int = 12) -> bytes:
    """Encode JPEG 2000 of more than 8 bits, by OpenImageIO."""
    from cdtnet.imaging import oiio

    return oiio.encode(".jp2", smooth(3, "uint16"), bits=bits)


def frames(kind: str) -> bytes:
    """Encode two pictures in one file."""
    stream = io.BytesIO()
    first = Image.fromarray(smooth())
    first.save(stream, kind, save_all=True, append_images=[first.rotate(180)])
    return stream.getvalue()


Make = Callable[[], bytes]
READ: dict[str, Make] = {
    "jpeg.jpg": partial(pillow, "JPEG"),
    "gray.jpeg": partial(pillow, "JPEG", "L"),
    "cmyk.jpe": partial(pillow, "JPEG", "CMYK"),
    "z.jfif": partial(pillow, "JPEG"),
    "png.png": partial(pillow, "PNG"),
    "deep.png": partial(ours, ".png", "uint16"),
    "alpha.png": partial(ours, ".png", channels=4),
    "tiff.tif": partial(pillow, "TIFF"),
    "float.tif": partial(ours, ".tif", "float32"),
    "cmyk.tiff": partial(pillow, "TIFF", "CMYK"),
    "lab.tif": lab,
    "deep_lab.tif": partial(lab, "uint16"),
    "webp.webp": partial(pillow, "WEBP"),
    "avif.avif": partial(ours, ".avif"),
    "deep.avif": partial(ours, ".avif", "uint16", bits=10),
    "heic.HEIC": partial(ours, ".heic"),
    "jxl.jxl": partial(ours, ".jxl"),
    "deep.jxl": partial(ours, ".jxl", "uint16"),
    "exr.exr": partial(ours, ".exr", "float32"),
    "gif.gif": partial(pillow, "GIF"),
    "bmp.bmp": partial(pillow, "BMP"),
    "ppm.ppm": partial(pillow, "PPM"),
    "tga.tga": partial(pillow, "TGA"),
    "jp2.jp2": partial(pillow, "JPEG2000"),
    "deep_jp2.jp2": deep_jpeg_2000,
}
"""File name → its content, of those that are read."""
REFUSED: dict[str, tuple[Make, str]] = {
    "camera.dng": (
        lambda: tiff(smooth(), extratags=[(50706, 1, 4, b"\1\4\0\0", True)]),
        "is a camera raw file",
    ),
    "raw.cr2": (lambda: b"II*\0\x10\0\0\0CR\2\0" + bytes(80), "is a camera raw file"),
    "pages.tif": (partial(frames, "TIFF"), "several pages"),
    "film.gif": (partial(frames, "GIF"), "several pages"),
    "moving.png": (partial(frames, "PNG"), "is animated"),
    "cut.jxl": (lambda: ours(".jxl")[:60], "is damaged"),
    "cut.jp2": (lambda: pillow("JPEG2000")[:90], "is damaged"),
    "empty.png": (bytes, "is empty"),
    "text.jpg": (lambda: b"<!doctype html>" * 9, "not a picture of a supported format"),
    "layers.xcf": (lambda: b"gimp xcf v011\0" + struct.pack(">IIII", 9, 9, 0, 0) * 6, ""),
}
"""File name → its content, and words of the reason, of those that are refused."""
