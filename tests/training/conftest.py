import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cdtnet.training.recipe import Recipe


@pytest.fixture(scope="session")
def triplet_folder(tmp_path_factory) -> Path:
    """HFlickr of iHarmony4 with eight photographs, two composites each; two of them for testing."""
    root, generator = tmp_path_factory.mktemp("iHarmony4"), np.random.default_rng(2)
    folder = root / "HFlickr"
    for name in ("composite_images", "masks", "real_images"):
        (folder / name).mkdir(parents=True)
    names: dict[str, list[str]] = {"train": [], "test": []}
    for k in range(8):
        coarse = Image.fromarray(generator.integers(40, 216, (5, 7, 3), dtype=np.uint8))
        real = np.asarray(coarse.resize((56, 40), Image.Resampling.BICUBIC)).astype(int)
        mask = np.zeros((40, 56), np.uint8)
        mask[8:30, 10 + k : 40] = 255
        Image.fromarray(real.astype(np.uint8)).save(folder / "real_images" / f"f{k}.jpg")
        Image.fromarray(mask).save(folder / "masks" / f"f{k}_1.png")
        for version in (1, 2):
            shift = generator.integers(-40, 41, 3)
            composite = np.where(mask[..., None] > 0, real + shift, real).clip(0, 255)
            name = f"f{k}_1_{version}.jpg"
            Image.fromarray(composite.astype(np.uint8)).save(folder / "composite_images" / name)
            names["test" if k < 2 else "train"].append(name)
    for split, listed in names.items():
        (folder / f"HFlickr_{split}.txt").write_text("\n".join(listed))
    return root


@pytest.fixture
def recipe_of(triplet_folder, photo_folder):
    """Makes a small recipe on triplets or photographs: `recipe_of(stages, kind="photos", seed=1)`."""

    def make(*stages: dict, kind: str = "triplets", variant: str = "is2am", **keys) -> Recipe:
        data = {
            "triplets": {"root": triplet_folder, "workers": 0, "validation": 2},
            "photos": {
                "photos": photo_folder / "mid",
                "masks": photo_folder / "masks",
                "held_out": ["scenes"],
                "validation": 1,
            },
        }[kind]
        content = {
            "about": "A test.",
            "model": {"variant": variant, "base_size": 16},
            "data": {"kind": kind, **data, **keys.pop("data", {})},
            "stages": [{"size": 16, "batch": 4, "samples": 16, "trains": ["generator"], **s} for s in stages],
            **keys,
        }
        return Recipe.model_validate(json.loads(json.dumps(content, default=str)))

    return make
