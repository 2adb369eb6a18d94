"""Editors open the layered files and show the same picture; skipped where they are not installed."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from cdtnet import Picture
from cdtnet.imaging.layered import encode_layers, read_layers
from cdtnet.imaging.layers import stack_of

pytest.importorskip("psd_tools")
GIMP = shutil.which("gimp")
KRITA = shutil.which("krita")
SCREEN = ["xvfb-run", "-a"] if shutil.which("xvfb-run") else []
MERGE = """
(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE "{0}" "{0}")))
       (layers (car (gimp-image-get-layers image)))
       (whole (car (gimp-image-merge-visible-layers image CLIP-TO-IMAGE))))
  (gimp-message (number->string layers))
  (file-png-save-defaults RUN-NONINTERACTIVE image whole "{1}" "{1}"))
"""


@pytest.fixture
def stack(random):
    """Make smooth colors, with a soft edge."""
    small = random.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    scene = np.asarray(Image.fromarray(small).resize((210, 150)))
    layer = np.dstack([scene[::-1], np.zeros((150, 210), np.uint8)])
    layer[40:110, 50:160, 3] = np.linspace(0, 255, 110).astype(np.uint8)
    share = layer[..., 3:] / 255
    picture = np.rint(share * layer[..., :3] + (1 - share) * scene).astype(np.uint8)
    return stack_of(Picture(picture), Picture(scene), scene, Picture(layer))


def check_same_look(path, picture):
    drawn = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert np.abs(drawn - picture.pixels).max() <= 1


@pytest.mark.skipif(GIMP is None, reason="needs GIMP")
def test_gimp_draws_the_same_picture(tmp_path, stack):
    version = subprocess.run([GIMP, "--version"], capture_output=True, text=True, check=True).stdout
    if " 2." not in version:
        pytest.skip("the script is for GIMP 2")
    (tmp_path / "a.psd").write_bytes(encode_layers(stack, ".psd"))
    script = MERGE.format(tmp_path / "a.psd", tmp_path / "a.png")
    command = [GIMP, "-i", "-f", "-b", script, "-b", "(gimp-quit 0)"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert "Warning: 3\n" in done.stdout + done.stderr
    check_same_look(tmp_path / "a.png", stack.picture)


@pytest.mark.skipif(KRITA is None or not (SCREEN or os.getenv("DISPLAY")), reason="needs Krita and a screen")
@pytest.mark.parametrize("suffix", [".psd", ".ora", ".tif"])
def test_krita_draws_the_same_picture_and_its_own_file_is_read(tmp_path, stack, suffix):
    (tmp_path / f"a{suffix}").write_bytes(encode_layers(stack, suffix))
    for target in ("a.png", "back.ora"):
        command = [*SCREEN, KRITA, "--nosplash", str(tmp_path / f"a{suffix}"), "--export"]
        command += ["--export-filename", str(tmp_path / target)]
        subprocess.run(command, capture_output=True, timeout=300, check=True)
    check_same_look(tmp_path / "a.png", stack.picture)
    foreground, background = read_layers(tmp_path / "back.ora")
    share = foreground.pixels[..., 3:] / 255
    drawn = share * foreground.pixels[..., :3] + (1 - share) * background.pixels[..., :3]
    assert np.abs(np.rint(drawn) - stack.picture.pixels).max() <= 1
