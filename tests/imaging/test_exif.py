from __future__ import annotations

import io
import struct

import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cdtnet.imaging import exif as blocks
from cdtnet.imaging import read_picture
from cdtnet.imaging.tiff_directories import EXIF, GPS, INTEROPERABILITY, tree_of


def parsed(block: bytes) -> Image.Exif:
    read = Image.Exif()
    read.load(block)
    return read


def big_endian(block: bytes) -> bytes:
    other = Image.Exif()
    other.endian = ">"
    for tag, value in parsed(block).items():
        if tag not in (0x8769, 0x8825):
            other[tag] = value
    for directory in (0x8769, 0x8825):
        other.get_ifd(directory).update(parsed(block).get_ifd(directory))
    return other.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("turn", [bytes, big_endian])
def test_only_the_orientation_changes(exif, turn):
    sideways = parsed(exif)
    sideways[0x0112] = 6
    block = turn(sideways.tobytes().removeprefix(b"Exif\0\0"))
    assert block[:2] == (b"MM" if turn is big_endian else block[:2])
    fixed = blocks.upright(block, sideways=True)
    assert len(fixed) == len(block)
    read = parsed(fixed)
    assert read[0x0112] == 1
    details, before = read.get_ifd(0x8769), parsed(block).get_ifd(0x8769)
    assert (details.pop(0xA002), details.pop(0xA003)) == (before.pop(0xA003), before.pop(0xA002)) == (21, 34)
    assert details == before
    assert read.get_ifd(0x8825) == parsed(block).get_ifd(0x8825)


def test_the_old_thumbnail_goes():
    head = "49492a0008000000"  # little-endian, the first directory at byte 8
    orientation = "0100 12010300 01000000 06000000"  # one tag
    thumbnail = "0100 03010300 01000000 06000000 00000000"  # a second directory, at byte 26
    old = bytes.fromhex(f"{head} {orientation} 1a000000 {thumbnail}")
    new = bytes.fromhex(f"{head} {orientation.replace('06', '01')} 00000000 {thumbnail}")
    assert blocks.upright(old) == new


@pytest.mark.parametrize("turn", [bytes, big_endian])
def test_into_a_tiff_file_and_out_again(pixels, exif, turn):
    stream = io.BytesIO()
    Image.fromarray(pixels(3)).save(stream, "TIFF", dpi=(300, 300))
    tiff = blocks.into_tiff(stream.getvalue(), turn(exif))
    with Image.open(io.BytesIO(tiff)) as image:
        assert image.tobytes() == pixels(3).tobytes()
        assert image.info["dpi"] == (300, 300)
        read = image.getexif()
        for directory in (0x8769, 0x8825):
            assert read.get_ifd(directory) == parsed(exif).get_ifd(directory)
        assert read[0x010F] == "Maker"
    out = blocks.from_tiff(io.BytesIO(tiff))
    assert parsed(out).get_ifd(0x8769) == parsed(exif).get_ifd(0x8769)
    assert parsed(out)[0x010F] == "Maker"
    assert 0x0100 not in parsed(out)  # the file's own tags stay with the file
    assert read_picture(tiff).metadata.exif == out


@given(st.binary(max_size=200), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_damaged_blocks_do_no_harm(junk, header):
    block = header + junk
    fixed = blocks.upright(block, sideways=True)
    assert fixed is None or len(fixed) == len(block)
    gathered = blocks.from_tiff(io.BytesIO(block))
    assert gathered is None or gathered[:4] == b"II*\0"
    tiff = b"II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x05\0\0\0\0\0\0\0"
    assert parsed(blocks.into_tiff(tiff, block))[0x0100] == 5


@pytest.mark.parametrize("tag", [EXIF, 0x010E])
def test_a_small_block_cannot_ask_for_much_time_or_memory(tag):
    """Make 60,000 entries that point to the block itself, as directories or as values of a megabyte each."""
    count, head = 60_000, b"II*\0\x08\0\0\0"
    kind, number, place = (4, 1, 8) if tag == EXIF else (2, 500_000, 0)
    tags = [tag] * count if tag == EXIF else range(count)
    entries = b"".join(
        struct.pack("<HHII", name, kind, number, place)
        for name in tags
        if name == tag or name not in (EXIF, GPS, INTEROPERABILITY)
    )
    block = head + struct.pack("<H", len(entries) // 12) + entries + bytes(4)
    _, tree = tree_of(block)
    assert 1 <= len(tree) <= 140


@pytest.mark.parametrize("order", ["<", ">"])
def test_into_a_big_tiff_file_and_out_again(pixels, exif, order):
    stream = io.BytesIO()
    shown = pixels(3)
    tifffile.imwrite(stream, shown, bigtiff=True, byteorder=order, photometric="rgb", metadata=None)
    tiff = blocks.into_tiff(stream.getvalue(), exif)
    with tifffile.TiffFile(io.BytesIO(tiff)) as file:
        assert (file.is_bigtiff, file.byteorder) == (True, order)
        assert (file.asarray() == shown).all()
        assert file.pages[0].tags["ExifTag"].value["DateTimeOriginal"] == "2024:05:06 07:08:09"
        assert file.pages[0].tags["GPSTag"].value["GPSLatitudeRef"] == "N"
    out = blocks.from_tiff(io.BytesIO(tiff))
    assert out[:4] == b"II*\0"
    for directory in (0x8769, 0x8825):
        assert parsed(out).get_ifd(directory) == parsed(exif).get_ifd(directory)
    assert parsed(out)[0x010F] == "Maker"
