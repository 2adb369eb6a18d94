"""Functions that read a file from its bytes: they return an object or raise a `CdtnetError`."""

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import mutation
import numpy as np
import seeds

from cdtnet import Lut, Picture
from cdtnet.batch.jobs import find_jobs
from cdtnet.datasets.tree import Entry, open_tree
from cdtnet.errors import DataError, PictureError
from cdtnet.imaging import Metadata, color_codec, describe, encode_picture, read_picture, to_mask
from cdtnet.imaging.exif import into_tiff, upright
from cdtnet.imaging.rows import open_picture
from cdtnet.training.checkpoint import load_checkpoint
from cdtnet.training.recipe import load_recipe
from cdtnet.weights import load_weights

_PIXELS = 1 << 20  # limit of pictures; larger ones are refused, to save time

Read = Callable[[bytes, Path], object]


@dataclass(frozen=True)
class Reader:
    """A reader and its valid files.

    Attributes:
        seeds: A function that makes valid files.
        read: A function that reads the bytes of a file; it may write the file to a folder.
        mend: A function that repairs checksums.
    """

    seeds: Callable[[], list[bytes]]
    read: Read
    mend: Callable[[bytes], bytes] = bytes


def _picture(data: bytes, _: Path) -> object:
    picture = read_picture(data, max_pixels=_PIXELS)
    color_codec(picture)
    deep = picture.pixels.dtype == np.uint8
    for suffix in (".png", ".webp") if deep else (".tif",):
        with suppress(PictureError):  # libvips refuses to embed some profiles that it can read
            encode_picture(picture, suffix)
    return picture


def _mask(data: bytes, _: Path) -> object:
    mask = to_mask(read_picture(data, max_pixels=_PIXELS), 9, 21, resize=True)
    assert mask.shape == (9, 21)
    return describe(mask) or mask


def _rows(data: bytes, folder: Path) -> object:
    try:
        picture = open_picture(_file(folder, "picture", data), max_pixels=_PIXELS)
        return [picture.pixels[top : top + 100] for top in range(0, picture.height, 100)]
    finally:
        gc.collect()  # after an error, the thread of a picture ends when the traceback is collected


def _profile(data: bytes, _: Path) -> object:
    gray = data[16:20] == b"GRAY"
    pixels = np.linspace(0, 1, 48, dtype=np.float32).reshape(4, 4, 3)[..., : 1 if gray else 3]
    codec = color_codec(Picture(pixels, Metadata(icc=data)))
    before = codec.decode(pixels)
    moved = codec.encode(pixels, before, np.clip(before + np.float32(0.1), 0, 1))
    assert np.isfinite(moved).all()
    return codec


def _exif(data: bytes, _: Path) -> object:
    upright(data, sideways=True)
    picture = encode_picture(Picture(np.zeros((2, 2, 3), np.uint8)), ".tif")
    return read_picture(into_tiff(picture, data))


def _table(data: bytes, folder: Path) -> object:
    return Lut.load(_file(folder, "table.cube", data)).apply(np.zeros((1, 3)))


def _manifest(data: bytes, folder: Path) -> object:
    suffix = ".csv" if data.count(b"{") < 2 else ".jsonl"
    return find_jobs(str(_file(folder, f"list{suffix}", data)), str(folder / "out"))


def _recipe(data: bytes, folder: Path) -> object:
    _file(folder, "other.yaml", seeds.recipes()[0])
    return load_recipe(_file(folder, "recipe.yaml", data), ["seed=1"])


def _weights(suffix: str) -> Read:
    def read(data: bytes, folder: Path) -> object:
        return load_weights(_file(folder, f"weights{suffix}", data))

    return read


def _checkpoint(data: bytes, folder: Path) -> object:
    return load_checkpoint(_file(folder, "run.pt", data))


def _archive(data: bytes, folder: Path) -> object:
    tree = open_tree(_file(folder, "archive", data))
    for path in tree.files():
        with suppress(DataError):  # continue after a damaged file
            Entry(tree, path).read()
    return tree


def _file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


READERS = {
    "pictures": Reader(seeds.pictures, _picture, mutation.mend_picture),
    "less common pictures": Reader(seeds.other_pictures, _picture, mutation.mend_picture),
    "pictures, bit by bit": Reader(seeds.pictures, _rows, mutation.mend_picture),
    "masks": Reader(seeds.pictures, _mask, mutation.mend_picture),
    "color profiles": Reader(seeds.profiles, _profile),
    "EXIF": Reader(seeds.exif_blocks, _exif),
    ".cube tables": Reader(seeds.tables, _table),
    "manifests": Reader(seeds.manifests, _manifest),
    "archives": Reader(seeds.archives, _archive, mutation.mend_zip),
    "recipes": Reader(seeds.recipes, _recipe),
    "safetensors": Reader(seeds.safetensors_files, _weights(".safetensors"), mutation.mend_safetensors),
    ".pth checkpoints": Reader(seeds.checkpoints, _weights(".pth"), mutation.mend_zip),
    "checkpoints of runs": Reader(seeds.checkpoints, _checkpoint, mutation.mend_zip),
}
