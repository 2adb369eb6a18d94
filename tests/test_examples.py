import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTOS = EXAMPLES / "photos"
NAMES = sorted(path.stem.removesuffix("_composite") for path in PHOTOS.glob("*_composite.jpg"))


@pytest.fixture(scope="module", autouse=True)
def scripts_are_found():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        yield


@pytest.fixture(scope="module")
def example():
    """The script as a module."""
    return importlib.import_module("real_composites")


@pytest.fixture(scope="module", params=[512, pytest.param(1024, marks=pytest.mark.nightly)])
def page(example, tmp_path_factory, request):
    """The output folder of the script, and its pictures: name → composite, mask, result."""
    folder, shown, pictures = tmp_path_factory.mktemp("page"), example.shown, {}

    def recorded(name, harmonizer):
        pictures[name] = shown(name, harmonizer)
        return pictures[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example, "SIDE", request.param)
        patch.setattr(example, "shown", recorded)
        patch.setattr(sys, "argv", ["real_composites.py", "--output", str(folder)])
        example.main()
    return folder, pictures


@pytest.mark.parametrize("name", NAMES)
def test_real_composites_change_in_the_foreground_only(name, page):
    before, mask, after = (np.asarray(picture).astype(int) for picture in page[1][name])
    assert max(before.shape) in (512, 1024)
    assert (after == before)[mask == 0].all()
    if name != "tower":  # which fits already, as the result's remark says
        assert np.abs(after - before)[mask == 255].mean() > 0.5


def test_the_page_shows_every_composite(example, page):
    folder = page[0]
    text = (folder / "real-composites.md").read_text(encoding="utf-8")
    for name in NAMES:
        for picture in (f"real-composites/{name}.jpg", f"real-composites/{name}-edge.jpg"):
            assert f"]({picture})" in text
            assert (folder / picture).is_file()
    with Image.open(folder / "real-composites.jpg") as strip:
        assert strip.height == 2 * example.STRIP


def test_the_crop_is_where_the_mask_has_most_edge(example):
    mask = np.zeros((900, 1100), np.uint8)
    mask[100:300, 50:90] = 255
    mask[420:560, 600:680] = 255
    mask[440:540, 610:670] = 0
    left, top, right, bottom = example.most_edge(mask)
    assert (right - left, bottom - top) == example.CROP
    assert (left + right) / 2 == pytest.approx(640, abs=2)
    assert (top + bottom) / 2 == pytest.approx(490, abs=2)


def test_failures_are_measured_in_the_foreground():
    noise = np.random.default_rng(0).integers(0, 40, (60, 80, 1), np.uint8).repeat(3, axis=2)
    before, mask = noise + np.uint8(100), np.zeros((60, 80), np.uint8)
    mask[10:50, 10:60] = 255
    after = before.copy()
    after[mask == 255] = after[mask == 255] // 2 + np.array([30, 0, 0], np.uint8)
    pictures = map(Image.fromarray, (before, mask, after))
    brightness, saturation, change, detail = importlib.import_module("failures").measured(*pictures)
    means = [value[mask == 255].mean() for value in (before[..., 0], after @ [0.299, 0.587, 0.114])]
    assert brightness == f"{means[0]:.0f} → {means[1]:.0f} ({before[mask == 0].mean():.0f})"
    assert saturation == "0 → 30 (0)"
    assert float(change) == pytest.approx(np.abs(after - before.astype(float))[mask == 255].mean(), abs=0.1)
    assert float(detail.removesuffix(" %")) == pytest.approx(50, abs=2)


def test_every_example_photo_is_captioned_and_credited():
    captions = json.loads((PHOTOS / "captions.json").read_text(encoding="utf-8"))
    assert sorted(captions) == NAMES
    credits_ = (PHOTOS / "CREDITS.md").read_text(encoding="utf-8")
    for photo in (*PHOTOS.glob("*.jpg"), *PHOTOS.glob("*.png")):
        assert f"`{photo.name}`" in credits_
