from pathlib import Path

import numpy as np
import pytest
import torch

from cdtnet.model import CDTNet, Config
from cdtnet.model.loading import build
from cdtnet.weights import Weights, write_weights
from cdtnet.weights.official import from_official
from tests.parity.official import official_checkpoint

pytest_plugins = ["tests.browser"]

torch.set_num_threads(1)  # the tests' tensors are small: sharing them out costs more than it gives


@pytest.fixture(scope="session")
def checkpoint() -> dict[str, torch.Tensor]:
    """An official checkpoint whose weights change every colour a lot."""
    return official_checkpoint()


@pytest.fixture(scope="session")
def official_model(checkpoint) -> CDTNet:
    entries = from_official({name: value.numpy() for name, value in checkpoint.items()})
    return build(Weights("official", Config(base_size=64), entries))


@pytest.fixture(scope="session")
def weights(official_model, tmp_path_factory) -> str:
    """The same in a file of ours."""
    path = tmp_path_factory.mktemp("weights") / "formula.safetensors"
    write_weights(path, official_model, {})
    return str(path)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory) -> Path:
    """Two sources of four small pictures, one of them with masks: PHOTOS/mid, PHOTOS/masks."""
    from PIL import Image

    root, generator = tmp_path_factory.mktemp("photos"), np.random.default_rng(1)
    for source in ("objects", "scenes"):
        (root / "mid" / source).mkdir(parents=True)
        (root / "masks" / source).mkdir(parents=True)
        for k in range(4):
            coarse = Image.fromarray(generator.integers(0, 256, (6, 8, 3), dtype=np.uint8))
            coarse.resize((96, 72), Image.Resampling.BICUBIC).save(root / "mid" / source / f"p{k}.jpg")
            if source == "objects":
                mask = np.zeros((72, 96), np.uint8)
                mask[20 : 30 + 8 * k, 30:60] = 255
                Image.fromarray(mask).save(root / "masks" / source / f"p{k}__1.png")
    return root
