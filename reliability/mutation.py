"""Mutate files at random, and repair checksums, without which the code after their check is not reached."""

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

_EDGES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)
_WORDS = (
    *(b"-1", b"0", b"1e999", b"nan", b"-inf", b"9" * 5000, b"0x10", b"1:60", b"true", b"null", b"~"),
    *(
        b"../../x",
        b"/etc/passwd",
        b"\\\\host\\x",
        b"C:/x",
        b"\0",
        b"\r\n",
        b"\xff\xfe",
        "\u202e\u2028🙂".encode(),
    ),
    *(
        b"[" * 3000,
        b'{"a":' * 3000,
        b"&a [*a]",
        b"!!python/object/apply:os.system [id]",
        b"!!timestamp 2026-99-99",
    ),
    *(
        b'"',
        b"'",
        b",",
        b";",
        b"#",
        b"%",
        b"<<: *last",
        b"? [a]\n: b\n",
        b"like: .",
        b"!!binary x",
        b"\t",
        b"|\n",
    ),
)


def mutated(seed: bytes, other: bytes, random: Random) -> bytes:
    """Return the seed with one to six random mutations; `other` is another seed to splice in."""
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        random.choice(_CHANGES)(data, other, random)
    return bytes(data)


def _flip(data: bytearray, _: bytes, random: Random) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _number(data: bytearray, _: bytes, random: Random) -> None:
    size, order = random.choice((1, 2, 4, 8)), random.choice(("little", "big"))
    place = random.randrange(len(data) + 1)
    data[place : place + size] = (random.choice(_EDGES) & ((1 << 8 * size) - 1)).to_bytes(size, order)


def _word(data: bytearray, _: bytes, random: Random) -> None:
    place = random.randrange(len(data) + 1)
    data[place : place + random.choice((0, 1, 4, 8))] = random.choice(_WORDS)


def _cut(data: bytearray, _: bytes, random: Random) -> None:
    del data[random.randrange(len(data) + 1) :]


def _remove(data: bytearray, _: bytes, random: Random) -> None:
    place = random.randrange(len(data) + 1)
    del data[place : place + random.randrange(1, 33)]


def _repeat(data: bytearray, _: bytes, random: Random) -> None:
    start, stop = sorted(random.randrange(len(data) + 1) for _ in range(2))
    part = data[start : min(stop, start + 200)]
    data[start:start] = part * random.choice((1, 2, 50))


def _noise(data: bytearray, _: bytes, random: Random) -> None:
    place = random.randrange(len(data) + 1)
    data[place : place + random.randrange(1, 17)] = random.randbytes(random.randrange(1, 17))


def _graft(data: bytearray, other: bytes, random: Random) -> None:
    start = random.randrange(len(other) + 1)
    place = random.randrange(len(data) + 1)
    data[place:] = other[start:]


_CHANGES: Sequence[Callable[[bytearray, bytes, Random], None]] = (
    *(_flip, _flip, _number, _number, _word, _cut, _remove, _repeat, _noise, _graft),
)


def mend_picture(data: bytes) -> bytes:
    """Return a PNG file with correct checksums."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    result, place = bytearray(data), 8
    while place + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, place)
        end = place + 8 + size
        if end + 4 > len(data):
            break
        struct.pack_into(">I", result, end, zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(result)


def mend_safetensors(data: bytes) -> bytes:
    """Return a safetensors file with the correct header length."""
    end = data.find(b"}}", 8)
    while end >= 0 and data[end + 2 : end + 3] == b"}":
        end += 1
    return struct.pack("<Q", end + 2 - 8) + data[8:] if end >= 0 else data


def mend_zip(data: bytes) -> bytes:
    """Return a zip archive of stored members with correct checksums."""
    result, place = bytearray(data), data.find(b"PK\1\2")
    while 0 <= place <= len(data) - 46:
        size, _, name = struct.unpack_from("<IIH", data, place + 20)
        (start,) = struct.unpack_from("<I", data, place + 42)
        if start + 30 <= len(data):
            inner = sum(struct.unpack_from("<HH", data, start + 26))
            check = zlib.crc32(data[start + 30 + inner : start + 30 + inner + size])
            struct.pack_into("<I", result, place + 16, check)
            struct.pack_into("<I", result, start + 14, check)
        place = data.find(b"PK\1\2", place + 46 + name)
    return bytes(result)
