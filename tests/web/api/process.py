"""`cdtnet serve` as a process of its own, and pictures for it."""

import io
import os
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import tifffile
from PIL import Image, ImageCms

from tests.processes import started

HEIGHT, WIDTH = 40, 60


@contextmanager
def serving(*arguments, **environment):
    """Yield the process and the port of a server."""
    command = [sys.executable, "-m", "cdtnet.cli.main", "serve", "--port", "0", "--device", "cpu", *arguments]
    own = {name: value for name, value in os.environ.items() if name != "CDTNET_API_KEY"} | environment
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(command, env=own, **pipes) as process:
        address = process.stdout.readline()
        assert address.startswith("http://127.0.0.1:"), process.communicate()
        yield process, int(address.rstrip("/\n").rpartition(":")[2])


def encoded(pixels, kind, **options):
    file = io.BytesIO()
    if kind == "TIFF":
        tifffile.imwrite(file, pixels, photometric="rgb")
    else:
        Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def noise(depth=np.uint8, channels=3):
    return np.random.default_rng(7).integers(0, np.iinfo(depth).max, (HEIGHT, WIDTH, channels), dtype=depth)


def plane():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[10:30, 15:45] = 255
    mask[10:14] //= 2
    return mask


MASK = encoded(plane(), "PNG")
PHOTO = encoded(noise(), "PNG")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = Image.Exif()
EXIF[0x010E] = "A harbor"
PICTURES = {
    "jpg": encoded(noise(), "JPEG", icc_profile=PROFILE, exif=EXIF, quality=90),
    "png": encoded(noise(channels=4), "PNG", icc_profile=PROFILE, exif=EXIF),
    "tif": encoded(noise(np.uint16), "TIFF"),
    "webp": encoded(noise(), "WEBP", lossless=True),
}
