import json
import os
import re
from collections import Counter
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from safetensors.numpy import save_file

from cdtnet.config import Config
from cdtnet.weights import Weights, load_weights
from cdtnet.weights.official import from_official
from tests.parity.official import official_checkpoint, official_entries

pytest_plugins = ["tests.browser", "tests.sharing"]

settings.register_profile("cdtnet", deadline=None)  # a slow machine is no defect
settings.load_profile("cdtnet")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of started processes, too: tests run beside each other
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # as the command line does
TORCH = find_spec("torch") is not None
NEEDS_TORCH = re.compile(
    r"^(import|from) (torch|hubconf|cdtnet\.model|cdtnet\.training|\.networks)\b", re.MULTILINE
)

if TORCH:
    import torch

    torch.set_num_threads(1)  # the tests' tensors are small: sharing them out costs more than it gives


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without PyTorch, ignore tests that import it (reliability/versions.py runs the others)."""
    if TORCH or collection_path.suffix != ".py":
        return None
    return NEEDS_TORCH.search(collection_path.read_text(encoding="utf-8")) is not None or None


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set implied marks; in parallel, run slow files first, so that all workers end at the same time."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):  # tests in a browser are known by their fixture
            item.add_marker("browser")
        if item.get_closest_marker("browser") or item.get_closest_marker("nightly"):
            item.add_marker("slow")
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        items.sort(key=lambda item: -slow[item.path])


@pytest.fixture(scope="session")
def checkpoint():
    """An official checkpoint whose weights change all colors strongly."""
    pytest.importorskip("torch")
    return official_checkpoint()


@pytest.fixture(scope="session")
def official_model(checkpoint):
    from cdtnet.model.loading import build

    entries = from_official({name: value.numpy() for name, value in checkpoint.items()})
    return build(Weights("official", Config(base_size=64), entries))


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> str:
    """The same weights in a file of this package, made without PyTorch."""
    return formula_file(tmp_path_factory.mktemp("weights"), Config(base_size=64))


@pytest.fixture(scope="session")
def close_up_weights(tmp_path_factory) -> str:
    """The same weights, for a network that analyzes a crop around the foreground."""
    return formula_file(tmp_path_factory.mktemp("weights"), Config(base_size=64, close_up=True))


@pytest.fixture(scope="session")
def small_models(tmp_path_factory) -> dict[str, str]:
    """Files of the models that ship, by their names, which analyze sixteen times fewer pixels."""
    folder = tmp_path_factory.mktemp("small")
    for name in ("cdtnet-256", "cdtnet-sim", "is2am"):
        weights = load_weights(name)
        card = {**weights.card, "config": asdict(replace(weights.config, base_size=64))}
        save_file(weights.entries, folder / f"{name}.safetensors", {"cdtnet": json.dumps(card)})
    return {path.stem: str(path) for path in folder.iterdir()}


def formula_file(folder: Path, config: Config) -> str:
    path = folder / "formula.safetensors"
    card = json.dumps({"config": asdict(config)})
    save_file(from_official(official_entries()), path, {"cdtnet": card})
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
