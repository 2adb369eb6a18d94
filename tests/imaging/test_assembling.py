from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile

from cdtnet.imaging import Metadata, Picture, encode_picture, read_picture
from cdtnet.imaging.assembling import BAND, write_bands


def parts(data):
    """Return the tags of a TIFF file, without the offsets of strips, and the stored strips."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        places = zip(page.dataoffsets, page.databytecounts, strict=True)
        tags = {tag.code: tag.value for tag in page.tags if tag.code != 273}
        return file.is_bigtiff, tags, [data[place : place + size] for place, size in places]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("height", "channels", "dtype"),
    [(600, 3, "uint8"), (512, 4, "uint16"), (257, 2, "float32"), (30, 1, "uint8")],
)
def test_the_file_is_the_one_that_is_written_at_once(
    monkeypatch, pixels, p3, exif, xmp, height, channels, dtype, big
):
    for module in ("assembling", "write"):
        monkeypatch.setattr(f"cdtnet.imaging.{module}.BIG_TIFF", 0 if big else 1 << 30)
    metadata = Metadata(icc=p3, exif=exif, xmp=xmp, resolution=(300 / 25.4, 200 / 25.4))
    picture = Picture(pixels(channels, dtype, height), metadata)
    stream, expected = io.BytesIO(), encode_picture(picture, ".tif")
    write_bands(stream, picture, (picture.pixels[top : top + BAND] for top in range(0, height, BAND)))
    assert parts(stream.getvalue()) == parts(expected)
    assert parts(expected)[0] == big
    found, wanted = read_picture(stream.getvalue()), read_picture(expected)
    assert found.metadata == wanted.metadata
    np.testing.assert_array_equal(found.pixels, picture.pixels)
