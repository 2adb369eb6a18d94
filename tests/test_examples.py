import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_real_composites_are_harmonized(tmp_path):
    script = [sys.executable, str(EXAMPLES / "real_composites.py"), str(tmp_path / "out")]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    written = [Path(line) for line in done.stdout.splitlines()]
    assert [path.stem for path in written] == ["bird", "dogs", "drum"]
    for path in written:
        before = np.asarray(Image.open(EXAMPLES / "photos" / f"{path.stem}_composite.jpg")).astype(int)
        mask = np.asarray(Image.open(EXAMPLES / "photos" / f"{path.stem}_mask.png"))
        after = np.asarray(Image.open(path)).astype(int)
        assert np.abs(after - before)[mask == 255].mean() > 1
        assert np.abs(after - before)[mask == 0].mean() < 1
        assert path.with_suffix(".cube").read_text().count("\n") > 33**3


def test_every_example_photo_is_credited():
    credits_ = (EXAMPLES / "photos" / "CREDITS.md").read_text(encoding="utf-8")
    for photo in (EXAMPLES / "photos").glob("*_composite.jpg"):
        assert photo.name in credits_
