"""Valid files of every kind that is read, generated when they are needed: the seeds of fuzzing."""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms
from safetensors.numpy import save as safetensors

from cdtnet import Lut, Picture
from cdtnet.errors import CdtnetError
from cdtnet.imaging import Metadata, encode_picture, oiio

HEIGHT, WIDTH = 12, 17
_TIFF_OPTIONS: tuple[dict[str, Any], ...] = (
    *({"compression": "zlib"}, {"byteorder": ">"}, {"bigtiff": True, "tile": (16, 16)}),
)


def pictures() -> list[bytes]:
    """Return every format in its common bit depths and modes, with metadata."""
    tiffs = [_tiff(dtype, **options) for dtype in ("float32", "uint16") for options in _TIFF_OPTIONS]
    return [data for pixels in _pixels() for data in _saved(pixels)] + tiffs + other_pictures()


def other_pictures() -> list[bytes]:
    """Return the less common formats, and those of extras that are installed."""
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    metadata = Metadata(icc=profiles()[0], exif=exif_blocks()[0], xmp=b"<x:xmpmeta/>", bits=10)
    made = [_plain(pixels, kind) for kind in ("GIF", "BMP", "PPM", "TGA", "JPEG2000", "MPO")]
    made += [_chunked(_plain(pixels, "PNG"), name, data) for name, data in _CHUNKS]
    deep = random.integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
    made.append(b"P6 %d %d 65535\n" % (WIDTH, HEIGHT) + deep.astype(">u2").tobytes())
    made.append(_tiff("uint8", extrasamples=["ASSOCALPHA"], bands=4))
    made += [_tiff(dtype, photometric="cielab") for dtype in ("uint8", "uint16", "float32")]
    resources = b"8BIM\4\4\0\0" + struct.pack(">I", 10) + b"\x1c\x02\x78\x00\x05Title"
    made.append(_tiff("uint8", extratags=[(34377, 7, len(resources), resources, True)]))
    for suffix in (".avif", ".heic", ".jxl"):
        for values in (pixels, deep):
            with suppress(CdtnetError):
                made.append(encode_picture(Picture(values, metadata), suffix))
    with suppress(ImportError):
        made.append(oiio.encode(".jp2", deep))
    with suppress(CdtnetError):
        made.append(encode_picture(Picture(pixels.astype(np.float32)), ".exr"))
    return made


_CHUNKS = (
    (b"gAMA", struct.pack(">I", 100000)),
    (b"cICP", bytes([9, 16, 0, 1])),
    (b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
)


def _chunked(png: bytes, name: bytes, data: bytes) -> bytes:
    chunk = struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return png[:33] + chunk + png[33:]


def _plain(pixels: NDArray[Any], kind: str) -> bytes:
    stream, image = io.BytesIO(), Image.fromarray(pixels)
    image.save(stream, kind, **({"save_all": True, "append_images": [image]} if kind == "MPO" else {}))
    return stream.getvalue()


def _pixels() -> Iterator[Image.Image]:
    random = np.random.default_rng(0)
    colors = Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK"):
        yield colors.convert(mode)


def _saved(image: Image.Image) -> Iterator[bytes]:
    metadata = {"icc_profile": profiles()[0], "exif": exif_blocks()[0]}
    for kind, options in (
        ("PNG", {}),
        ("JPEG", {"xmp": b'<x:xmpmeta tiff:Orientation="6"/>'}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {}),
    ):
        stream = io.BytesIO()
        try:
            image.save(stream, kind, **options, **(metadata if image.mode != "CMYK" else {}))
        except OSError:  # the format does not support such pixels
            continue
        yield stream.getvalue()


def _tiff(dtype: str, bands: int = 3, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.ones((HEIGHT, WIDTH, bands), dtype), **{"photometric": "rgb", **options})
    return stream.getvalue()


def profiles() -> list[bytes]:
    """Return color profiles: of curves and a matrix, of gray, and with a lookup table."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray = _profile(b"GRAY", {b"kTRC": struct.pack(">4sIIH", b"curv", 0, 1, 0x0233) + b"\0\0"})
    point = struct.pack(">4sI3i", b"XYZ ", 0, 20000, 30000, 40000)
    curve = struct.pack(">4sIHHi", b"para", 0, 0, 0, 2 << 16)
    names = (b"rXYZ", b"gXYZ", b"bXYZ"), (b"rTRC", b"gTRC", b"bTRC")
    return [plain, gray, _profile(b"RGB ", dict.fromkeys(names[0], point) | dict.fromkeys(names[1], curve))]


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    head = struct.pack(">I4sI4s4s4s", 0, b"lcms", 0x02400000, b"mntr", space, b"XYZ ").ljust(36, b"\0")
    head = (head + b"acsp").ljust(128, b"\0") + struct.pack(">I", len(tags))
    start, table, body = len(head) + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(tag))
        body += tag
    return struct.pack(">I", start + len(body)) + (head + table + body)[4:]


def exif_blocks() -> list[bytes]:
    """Return EXIF data in both byte orders."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8769).update({0xA002: WIDTH, 0xA003: HEIGHT, 0x9003: "2026:11:23 10:00:00"})
    exif.get_ifd(0x8825)[1] = "N"
    exif.endian = ">"
    big = exif.tobytes()
    exif.endian = "<"
    return [big.removeprefix(b"Exif\0\0"), exif.tobytes().removeprefix(b"Exif\0\0")]


def tables() -> list[bytes]:
    """Return lookup tables as .cube files."""
    axis = np.linspace(0, 1, 2, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    return [
        Lut(grid).encode(),
        b"# made elsewhere\n" + Lut(grid).resized(3).encode().replace(b".0000000", b""),
    ]


def manifests() -> list[bytes]:
    """Return tables of composites and masks."""
    lines = ({"composite": "a.jpg", "mask": "m/a.png", "subset": name, "split": "test"} for name in "xy")
    return [
        b"composite,mask,real,subset,split\na.jpg,m/a.png,r/a.jpg,HCOCO,train\nb.jpg,m/a.png,,,\n",
        b'\xef\xbb\xbfComposite;Mask\r\n"a, b.jpg",../x.png\r\n',
        "\n".join(map(json.dumps, lines)).encode(),
    ]


def recipes() -> list[bytes]:
    """Return a recipe, and another based on it."""
    whole = """about: "a small one"
model: {variant: cdtnet, base_size: 64, luts: 4, split: true, antialias: false}
data: {kind: photos, photos: p, masks: m, held_out: [a, b], validation: 2}
initial: {generator: is2am}
open_gates: true
seed: 3
stages:
  - {trains: [encoder], size: 64, batch: 4, accumulate: 2, samples: 10, rate: 1.0e-3, schedule: cosine}
  - &last {trains: [refinement], size: 64, batch: 4, samples: 8, losses: {image: 1, root: true}}
"""
    triplets = "data: {kind: triplets, root: iHarmony4, subsets: [HCOCO], damaged: skip}\n"
    return [whole.encode(), f"like: other.yaml\n{triplets}stages.0.epochs: 3\nabout: 2026-11-23\n".encode()]


def safetensors_files() -> list[bytes]:
    """Return weights of this package (a few tensors), and tensors of other types."""
    card = json.dumps({"licence": "none", "config": {"variant": "cdtnet-sim", "base_size": 64, "luts": 2}})
    return [
        safetensors(_entries("color_mapping.basis", "generator.blend.rgb.bias"), {"cdtnet": card}),
        safetensors(_entries("decoder.to_rgb.bias", "lut.LUT0.LUT", "lut.LUT1.LUT", dtype=np.float16)),
        safetensors(_entries("x", "y", dtype=np.int64)),
    ]


def checkpoints() -> list[bytes]:
    """Return PyTorch checkpoints in both formats."""
    entries = {
        name: torch.from_numpy(value)
        for name, value in _entries("encoder.x", "lut.LUT0.LUT", "module.decoder.y").items()
    }
    entries["half"] = torch.ones(3, dtype=torch.bfloat16)
    content = {"state_dict": entries, "epoch": 3, "lr": 0.1, "names": ["a", None]}
    return [_torch(entries), _torch(content), _torch(content, _use_new_zipfile_serialization=False)]


def _torch(content: object, **options: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def _entries(*names: str, dtype: Any = np.float32) -> dict[str, NDArray[Any]]:
    return {name: np.arange(6, dtype=dtype).reshape(1, 2, 3) for name in names}


def archives() -> list[bytes]:
    """Return archives of two files and a folder: zip, tar, and compressed tar."""
    files = {"photos/a.jpg": b"not really", "photos/masks/a.png": b"nor this" * 40}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return [packed.getvalue(), *(_tar(files, mode) for mode in ("w", "w:gz", "w:xz"))]


def _tar(files: dict[str, bytes], mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()
