"""Pictures for the plug-ins of editors, and the command line as a program."""

import os
import sys

import numpy as np
import pytest
from PIL import Image

import cdtnet


@pytest.fixture
def layers(tmp_path):
    """A folder with scene.png, object.png of its size, their harmonized and their pasted version."""
    y, x = np.mgrid[:120, :160]
    wave = np.stack(
        [100 + 60 * np.sin(x / 20), 110 + 50 * np.cos(y / 15), 90 + 40 * np.sin((x + y) / 30)], -1
    )
    Image.fromarray(wave.astype(np.uint8)).save(tmp_path / "scene.png")
    alpha = np.clip((30 - np.hypot(y - 60, x - 80)) / 4 + 0.5, 0, 1)
    warm = np.stack([200 + 20 * np.sin(y / 5), 120 + 20 * np.cos(x / 7), np.full(x.shape, 60)], -1)
    pixels = np.dstack((warm, 255 * alpha)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "object.png")
    made = cdtnet.compose(tmp_path / "object.png", tmp_path / "scene.png", at=(0, 0))
    whole = cdtnet.Harmonizer("cdtnet-256", "cpu")(made.composite, made.mask, layer=made.layer).image
    return tmp_path, np.asarray(whole)[..., :3].astype(int), made.composite.pixels[..., :3].astype(int)


@pytest.fixture
def program(tmp_path):
    """Make a program that runs the command line of this package."""
    path = tmp_path / "cdtnet-here"
    source = os.path.dirname(os.path.dirname(cdtnet.__file__))
    path.write_text(
        f'#!/bin/sh\nunset PYTHONHOME\nexport PYTHONPATH="{source}"\nexec "{sys.executable}" -m cdtnet "$@"\n'
    )
    path.chmod(0o755)
    return str(path)
