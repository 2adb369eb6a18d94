"""The plug-in in GIMP 3, without a display."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PLUG_IN = Path(__file__).parents[2] / "integrations" / "gimp-cdtnet"
GIMP = shutil.which("gimp-console-3.0")

pytestmark = pytest.mark.skipif(
    not GIMP, reason="GIMP 3 is not installed (apt install gimp, from Debian 13 on)"
)


def test_a_layer_is_harmonized_in_gimp(layers, program):
    folder, whole, composite = layers
    plug_ins = folder / "config" / "plug-ins"
    plug_ins.mkdir(parents=True)
    shutil.copytree(PLUG_IN, plug_ins / PLUG_IN.name)
    script = Path(__file__).with_name("gimp_script.py")
    here = {"HOME": str(folder), "GIMP3_DIRECTORY": str(folder / "config"), "XDG_RUNTIME_DIR": str(folder)}
    there = {"CDTNET_TEST": str(folder), "CDTNET_COMMAND": program}
    words = ["--no-interface", "--new-instance", "--batch-interpreter=python-fu-eval"]
    subprocess.run(
        [GIMP, *words, "-b", f"exec(open({str(script)!r}).read())", "--quit"],
        env={**os.environ, **here, **there},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=900,
        check=True,
    )
    seen = json.loads((folder / "seen.json").read_text())
    assert seen["absent"][0] == "execution-error"
    assert "no-such-program is not found" in seen["absent"][1]
    assert seen["before"] == ["object"]
    assert seen["status"] == seen["steered"] == "success"
    assert seen["after"] == [["object harmonized", True], ["object", False]]
    made, weak = (
        np.asarray(Image.open(folder / f"{name}.png").convert("RGB")).astype(int) for name in ("made", "weak")
    )
    alpha = np.asarray(Image.open(folder / "object.png"))[..., 3]
    hard = (alpha == 0) | (alpha == 255)  # GIMP blends soft edges in linear light
    assert np.abs(made - whole)[hard].max() <= 2
    assert np.abs(weak - composite)[hard].max() <= 2
    assert np.abs(whole - composite)[hard].max() > 10
