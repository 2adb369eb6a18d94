"""Valid and invalid files with wrong or unusual names, and paths that are not files."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from odd_pictures import photo, saved
from specimen import PICTURE, SENTENCE, Specimen, written


def odd_files() -> Iterator[Specimen]:
    """Yield all files."""
    for family in (_mislabeled, _places, _names):
        yield from family()


def _mislabeled() -> Iterator[Specimen]:
    png_file = saved(photo())
    for name in ("a.jpg", "a.tif", "a.webp", "a.gif", "a.txt", "a"):
        yield Specimen("mislabeled", name, written(png_file), PICTURE)
    for name, kind in (
        ("gif.png", "GIF"),
        ("bmp.jpg", "BMP"),
        ("ppm.tif", "PPM"),
        ("tga.png", "TGA"),
        ("jp2.png", "JPEG2000"),
    ):
        yield Specimen("mislabeled", name, written(saved(photo(), kind)), PICTURE)
    for name, data in {
        "ico.png": saved(photo(), "ICO"),
        "pdf.tif": saved(photo(), "PDF"),
        "page.jpg": b"<!doctype html><html><body>404 Not Found</body></html>",
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "script.png": b"%!PS\n(/etc/passwd) (r) file\n",
        "magick.jpg": b"push graphic-context\nimage over 0,0 0,0 'https://a.example/x'\npop graphic-context",
        "zip.webp": b"PK\3\4" + bytes(60),
        "elf.tif": b"\x7fELF" + bytes(60),
        "empty.png": b"",
        "one.jpg": b"\xff",
        "jp2.jpg": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
        "heic.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(60),
        "avif.jpg": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(60),
        "jxl.png": b"\xff\x0a" + bytes(60),
        "exr.tif": b"v/1\x01" + bytes(60),
        "raw.dng": b"II*\0" + bytes(60),
        "raw.jpg": b"FUJIFILMCCD-RAW " + bytes(60),
        "pgm.tif": b"P5 99999 99999 65535\n" + bytes(60),
        "start.tga": bytes([0, 0, 2]) + bytes(60),
        "start.bmp": b"BM" + bytes(60),
        "start.gif": b"GIF89a" + bytes(60),
        "start.jpg": b"\xff\xd8\xff" + bytes(60),
        "start.png": b"\x89PNG\r\n\x1a\n" + bytes(60),
        "start.tif": b"II*\0" + b"\xff" * 60,
        "start.webp": b"RIFF\xff\xff\xff\xffWEBP" + bytes(60),
    }.items():
        yield Specimen("mislabeled", name, written(data), SENTENCE)


def _places() -> Iterator[Specimen]:
    kind = "links, folders, pipes, devices"
    yield Specimen(kind, "dangling.png", lambda path: path.symlink_to("nowhere.png"), SENTENCE)
    yield Specimen(kind, "loop.png", lambda path: path.symlink_to(path.name), SENTENCE)
    yield Specimen(kind, "folder-link.png", lambda path: path.symlink_to("/tmp"), SENTENCE)
    yield Specimen(kind, "folder.png", Path.mkdir, SENTENCE)
    yield Specimen(kind, "pipe.png", os.mkfifo, SENTENCE)
    yield Specimen(kind, "socket.png", _listen, SENTENCE)
    for device in ("zero", "null", "full", "random", "tty", "stdin"):
        yield Specimen(kind, f"{device}.png", lambda path, to=f"/dev/{device}": path.symlink_to(to), SENTENCE)
    yield Specimen(kind, "memory.png", lambda path: path.symlink_to("/proc/self/mem"), SENTENCE)
    yield Specimen(kind, "missing.png", lambda path: None, SENTENCE)
    yield Specimen(kind, "link.png", _link, PICTURE)


def _link(path: Path) -> None:
    (path.parent / "real.png").write_bytes(saved(photo()))
    path.symlink_to("real.png")


def _listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def _names() -> Iterator[Specimen]:
    data = saved(photo())
    for name in (
        *(
            " a b .png",
            "line\nbreak.png",
            "tab\t.png",
            "🙂🐕.png",
            "שלום.png",
            "\u202egnp.exe.png",
            "é.png",
            "e\u0301.png",
        ),
        *(
            "-a.png",
            "--model.png",
            "a'b\"c.png",
            "$(touch owned).png",
            ";touch owned;.png",
            "`touch owned`.png",
        ),
        *(
            "%s%n.png",
            "{0}.png",
            "a\\b.png",
            "[page=1].png",
            "a[n=-1].png",
            "*.png",
            "?.png",
            "~.png",
            "#.png",
            "\x1b[31mred.png",
        ),
        *(
            "x" * 200 + ".png",
            "🙂" * 55 + ".png",
            ".png",
            ".hidden.png",
            "a..png",
            "a.PnG",
            "a.png ",
            "nul.png",
            "\x7f.png",
        ),
    ):
        yield Specimen("unusual names", name, written(data), PICTURE)
    for name in (
        os.fsdecode(b"\xff\xfe.png"),
        os.fsdecode(b"caf\xe9.png"),
        "x" * 251 + ".png",
        "🙂" * 62 + ".png",
    ):
        yield Specimen("names that no result can have", name, written(data), SENTENCE)
