"""Unusual, hostile and broken pictures, generated when they are needed."""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import seeds
import tifffile
from PIL import Image
from specimen import EITHER, PICTURE, SENTENCE, Specimen, written


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def tiff(array: Any, **options: Any) -> bytes:
    """Return a TIFF file."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def png(width: int, height: int, depth: int, color: int, rows: bytes, extra: bytes = b"") -> bytes:
    """Return a PNG file of packed rows with any header."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def zeros(count: int) -> bytes:
    """Return `count` zero bytes, compressed about a thousandfold."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [packer.compress(block[: min(len(block), count - done)]) for done in range(0, count, len(block))]
    return b"".join(parts) + packer.flush()


def photo(width: int = 24, height: int = 16) -> Image.Image:
    """Return noise."""
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def odd_pictures(cuts: int) -> Iterator[Specimen]:
    """Yield all pictures; some valid files are truncated at `cuts` places each."""
    for family in (_kinds, _sizes, _bombs, _metadata):
        yield from family()
    yield from _truncated(cuts)


def _truncated(cuts: int) -> Iterator[Specimen]:
    whole = {
        "a.png": saved(photo()),
        "b.jpg": saved(photo(), "JPEG", exif=seeds.exif_blocks()[0], icc_profile=seeds.profiles()[0]),
        "c.jpg": saved(photo(), "JPEG", progressive=True),
        "d.tif": saved(photo(), "TIFF"),
        "e.tif": tiff(np.asarray(photo()), compression="zlib", photometric="rgb"),
        "f.webp": saved(photo(), "WEBP"),
        "g.webp": saved(photo(), "WEBP", lossless=True, exif=seeds.exif_blocks()[0]),
    }
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn")
    ) as pool:  # the process that forks must not use cdtnet
        others = pool.submit(seeds.other_pictures).result()
    whole |= {f"h{number}": data for number, data in enumerate(others)}
    for name, data in whole.items():
        for cut in sorted({len(data) * place // (cuts + 1) for place in range(cuts + 1)}):
            yield Specimen("truncated", name, written(data[:cut]))


def _kinds() -> Iterator[Specimen]:
    image, second = photo(), photo().transpose(Image.Transpose.ROTATE_180)
    for name, kind in (("a.gif", "GIF"), ("a.png", "PNG"), ("a.webp", "WEBP"), ("a.tif", "TIFF")):
        moving = saved(image, kind, save_all=True, append_images=[second])
        yield Specimen("animated or of several pages", name, written(moving), SENTENCE)
    for name, kind in (("c.jpg", "JPEG"), ("c.tif", "TIFF")):
        yield Specimen("CMYK and Lab", name, written(saved(image.convert("CMYK"), kind)), PICTURE)
    yield Specimen("CMYK and Lab", "l.tif", written(saved(Image.new("LAB", (9, 9)), "TIFF")), PICTURE)
    for channels, outcome in ((3, PICTURE), (4, SENTENCE)):
        many = tiff(np.zeros((9, 9, channels), np.uint16), photometric="cielab")
        yield Specimen("CMYK and Lab", f"{channels}.tif", written(many), outcome)
    for mode in ("P", "1", "L", "LA", "RGBA"):
        yield Specimen(
            "palette, 1 bit, gray, alpha", f"{mode}.png", written(saved(image.convert(mode))), PICTURE
        )
    clear = saved(image.quantize(8), transparency=3)
    yield Specimen("palette, 1 bit, gray, alpha", "clear.png", written(clear), PICTURE)
    array = np.asarray(image)
    for dtype, outcome in (("uint16", PICTURE), ("float32", PICTURE), ("float16", PICTURE)):
        deep = tiff((array / 255).astype(dtype), photometric="rgb")
        yield Specimen("16 bit and float", f"{dtype}.tif", written(deep), outcome)
    for value in (np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-40):
        strange = (array / 255).astype(np.float32)
        strange[::3, ::3] = value
        yield Specimen("16 bit and float", f"{value}.tif", written(tiff(strange, photometric="rgb")))
    for dtype in ("int8", "int16", "int32", "uint32", "float64", "complex64", "uint64"):
        other = tiff(array.astype(dtype), photometric="rgb")
        yield Specimen("other numbers and channels", f"{dtype}.tif", written(other))
    for channels in (2, 5, 9):
        many = np.zeros((channels, 9, 9), np.uint8)
        yield Specimen(
            "other numbers and channels", f"{channels}.tif", written(tiff(many, planarconfig="separate"))
        )


def _sizes() -> Iterator[Specimen]:
    nothing = saved(photo(), "JPEG")
    frame = nothing.find(b"\xff\xc0") + 5
    for name, data in {
        "0.png": png(0, 0, 8, 2, zlib.compress(b"")),
        "0x5.png": png(0, 5, 8, 2, zlib.compress(b"")),
        "0.jpg": nothing[:frame] + bytes(4) + nothing[frame + 4 :],
        "0.tif": _with_tag(saved(photo(), "TIFF"), 256, 0),
    }.items():
        yield Specimen("0×0", name, written(data), SENTENCE)
    sides = [(1, 1), (1, 2), (1, 300), (300, 1), (65535, 1), (1, 65535), (65535, 3), (16383, 2)]
    for width, height in sides:
        thin = photo(width, height)
        yield Specimen("1×N, N×1, 65535 wide", f"{width}x{height}.png", written(saved(thin)), PICTURE)
        yield Specimen("1×N, N×1, 65535 wide", f"{width}x{height}.tif", written(saved(thin, "TIFF")), PICTURE)
        if max(width, height) <= 65500:  # Pillow's limit for JPEG
            yield Specimen(
                "1×N, N×1, 65535 wide", f"{width}x{height}.jpg", written(saved(thin, "JPEG")), PICTURE
            )
    yield Specimen("1×N, N×1, 65535 wide", "200001x1.png", written(saved(photo(200_001, 1))), PICTURE)


def _bombs() -> Iterator[Specimen]:
    gray = zeros(30_000 * 30_001)
    rgb = zeros(18_000 * (3 * 18_000 + 1))
    text = chunk(b"zTXt", b"Comment\0\0" + zeros(1 << 28))
    profile = chunk(b"iCCP", b"x\0\0" + zeros(1 << 28))
    small = zlib.compress(bytes(9 * 28))
    jpeg = saved(photo(), "JPEG")
    frame = jpeg.find(b"\xff\xc0") + 5
    for name, data, outcome in (
        ("900-megapixels.png", png(30_000, 30_000, 8, 0, gray), SENTENCE),
        ("324-megapixels.png", png(18_000, 18_000, 8, 2, rgb), SENTENCE),
        ("header-alone.png", png(0x7FFFFFFF, 0x7FFFFFFF, 16, 6, small), SENTENCE),
        ("large-and-empty.png", png(32_000, 32_000, 8, 6, small), SENTENCE),
        ("text.png", png(9, 9, 8, 2, small, text), EITHER),
        ("profile.png", png(9, 9, 8, 2, small, profile), EITHER),
        ("65535.jpg", jpeg[:frame] + b"\xff" * 4 + jpeg[frame + 4 :], SENTENCE),
        ("32767.jpg", jpeg[:frame] + b"\x7f\xff" * 2 + jpeg[frame + 4 :], SENTENCE),
        ("scans.jpg", _many_scans(saved(photo(64, 64), "JPEG", progressive=True)), EITHER),
        ("strips.tif", _with_tag(saved(photo(), "TIFF"), 257, 0x7FFFFFF), SENTENCE),
        ("vp8x.webp", _webp(16384, 16384), SENTENCE),
    ):
        yield Specimen("decompression bombs", name, written(data), outcome)


def _with_tag(tiff_file: bytes, tag: int, value: int) -> bytes:
    """Return a little-endian TIFF file with another integer in its directory."""
    (start,) = struct.unpack_from("<I", tiff_file, 4)
    (count,) = struct.unpack_from("<H", tiff_file, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", tiff_file, place) == (tag,):
            entry = struct.pack("<HHII", tag, 4, 1, value)
            return tiff_file[:place] + entry + tiff_file[place + 12 :]
    raise ValueError(f"there is no tag {tag}")


def _many_scans(jpeg: bytes) -> bytes:
    """Return a progressive picture that repeats its last scan 2,000 times."""
    last = jpeg.rfind(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * 2000 + jpeg[-2:]


def _webp(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sides + saved(photo(), "WEBP")[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _metadata() -> Iterator[Specimen]:
    plain, gray, simple = seeds.profiles()
    cmyk = plain[:16] + b"CMYK" + plain[20:]
    flat = simple.replace(struct.pack(">3i", 20000, 30000, 40000), bytes(12))
    for number, profile in enumerate(
        (
            plain[:200],
            plain[:127],
            b"x",
            os.urandom(3000),
            cmyk,
            flat,
            gray,
            plain + bytes(3 << 20),
            plain[:-9],
        )
    ):
        for kind in ("PNG", "JPEG", "TIFF", "WEBP"):
            if kind == "JPEG" and len(profile) > 1 << 20:
                continue
            data = saved(photo(), kind, icc_profile=profile)
            yield Specimen("bad color profiles", f"{number}.{kind.lower()[:4]}", written(data))
    block = seeds.exif_blocks()[1]
    turns = [
        block.replace(struct.pack("<HHIH", 0x0112, 3, 1, 6), struct.pack("<HHIH", 0x0112, 3, 1, turn))
        for turn in (0, 5, 9, 65535)
    ]
    loop = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + b"\x08\0\0\0"
    for number, exif in enumerate((block[:30], block[:9], b"x", os.urandom(2000), loop, *turns, block * 60)):
        for kind in ("PNG", "JPEG", "WEBP"):
            data = saved(photo(), kind, exif=b"Exif\0\0" + exif)
            yield Specimen("bad EXIF", f"{number}.{kind.lower()[:4]}", written(data))
