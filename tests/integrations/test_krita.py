"""The plug-in in Krita, without a display; and the layout of its folder."""

import configparser
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PLUG_INS = Path(__file__).parents[2] / "integrations" / "krita-cdtnet" / "pykrita"
KRITA = shutil.which("kritarunner")


def test_krita_finds_the_plug_in():
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(PLUG_INS / "cdtnet_layer.desktop", encoding="utf-8")
    said = entry["Desktop Entry"]
    assert said["ServiceTypes"] == "Krita/PythonPlugin"
    assert (PLUG_INS / said["X-KDE-Library"] / "__init__.py").exists()
    assert (PLUG_INS / said["X-KDE-Library"] / said["X-Krita-Manual"]).exists()


@pytest.mark.skipif(not KRITA, reason="Krita is not installed (apt install krita)")
def test_a_layer_is_harmonized_in_krita(layers, program):
    folder, whole, composite = layers
    shutil.copy(Path(__file__).with_name("krita_script.py"), folder / "cdtnet_test_script.py")
    here = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "QT_QPA_PLATFORM": "offscreen"}
    data = {"XDG_DATA_HOME": str(folder / "data"), "XDG_CONFIG_HOME": str(folder / "config")}
    there = {"CDTNET_TEST": str(folder), "CDTNET_COMMAND": program, "CDTNET_PLUG_IN": str(PLUG_INS)}
    done = subprocess.run(
        [KRITA, "-s", "cdtnet_test_script", "-f", "main"],
        env={**os.environ, **here, **data, **there, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=900,
        check=False,
    )
    if b"No module named 'PyQt5'" in done.stdout:
        pytest.skip("Krita cannot run Python plug-ins here (apt install python3-pyqt5)")
    assert (folder / "seen.json").exists(), done.stdout
    seen = json.loads((folder / "seen.json").read_text())
    assert "error" not in seen, seen
    assert "no-such-program is not found" in seen["absent"]
    assert seen["before"] == ["object"]
    assert seen["after"] == [["object", False], ["object harmonized", True]]
    made = np.asarray(Image.open(folder / "made.png").convert("RGB")).astype(int)
    assert np.abs(made - whole).max() <= 3  # Krita rounds the layer's colors, and what it blends
    assert np.abs(whole - composite).max() > 10
