from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cdtnet
from cdtnet.engines import openvino
from cdtnet.engines.openvino import OpenVinoEngine

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"
DEMO = Path(cdtnet.__file__).parent / "demo"


@pytest.fixture(scope="session")
def photos() -> list[tuple[np.ndarray, np.ndarray]]:
    """The example composites (H,W,3) and their masks (H,W), 8 bits, at a third of their size."""
    pairs = [(DEMO / "composite.jpg", DEMO / "mask.png")]
    pairs += [(EXAMPLES / f"{n}_composite.jpg", EXAMPLES / f"{n}_mask.png") for n in ("bird", "dogs", "drum")]
    return [(third(composite, "RGB"), third(mask, "L")) for composite, mask in pairs]


def third(path: Path, mode: str) -> np.ndarray:
    image = Image.open(path).convert(mode)
    return np.asarray(image.resize((image.width // 3, image.height // 3), Image.Resampling.LANCZOS))


@pytest.fixture(scope="package", autouse=True)
def engines_of_their_own():
    """Undo the effect of `tests/sharing.py`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openvino, "OpenVinoEngine", OpenVinoEngine)
        yield


@pytest.fixture(autouse=True)
def masks_as_they_are(monkeypatch):
    """Engines are compared with the plain network, which never refines a mask."""
    monkeypatch.setattr("cdtnet.inference.analysis.GAIN", np.inf)
