from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image


@pytest.fixture(scope="session")
def p3() -> bytes:
    """A Display P3 color profile."""
    return bytes(pyvips.Image.profile_load("p3"))


@pytest.fixture(scope="session")
def pixels() -> Callable[..., NDArray]:
    """Random pixels of any type and number of channels."""

    def make(channels: int, dtype: str = "uint8", height: int = 21, width: int = 34) -> NDArray:
        random = np.random.default_rng(channels)
        if dtype == "float32":
            return random.random((height, width, channels), dtype=np.float32)
        return random.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype=dtype, endpoint=True)

    return make


@pytest.fixture(scope="session")
def exif() -> bytes:
    """An EXIF block as Pillow writes it: texts, fractions, a maker's note, a place, an orientation of 1."""
    block = Image.Exif()
    block[0x010E], block[0x010F], block[0x0112], block[0x8298] = (
        "Éclair".encode().decode("latin1"),
        "Maker",
        1,
        "Us",
    )
    details = block.get_ifd(0x8769)
    details[0x829A], details[0x9003], details[0xA434] = (1, 250), "2024:05:06 07:08:09", "A lens"
    details[0x927C], details[0xA002], details[0xA003] = b"NOTE" * 5, 34, 21
    block.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 29.5)})
    return block.tobytes().removeprefix(b"Exif\0\0")


@pytest.fixture(scope="session")
def xmp() -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="1"/></x:xmpmeta>'
