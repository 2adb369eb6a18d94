"""Two analyses: the result does not depend on the orientation of the picture, and has a confidence."""

from dataclasses import replace

import numpy as np
import pytest

from cdtnet import Harmonizer
from cdtnet.engines.confidence import DOUBT, FLOOR, SPREAD, confidence
from cdtnet.imaging.resizing import LowPicture
from cdtnet.model.loading import build
from cdtnet.weights import load_weights, write_weights

IMAGE = np.random.default_rng(0).random((16, 16, 3))
MASK = np.ones((16, 16, 1))
COMMON = FLOOR**2 * (1 + SPREAD)  # squared error that looks are thought to share where all is foreground


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openvino", "pytorch"])
@pytest.mark.parametrize("name", ["cdtnet-256", "cdtnet-sim", "is2am"])
def test_a_mirrored_picture_becomes_the_mirrored_result(engine, name, tmp_path):
    random = np.random.default_rng(1)
    image = np.kron(random.random((6, 9, 3), np.float32), np.ones((20, 20, 1), np.float32))
    mask = np.zeros(image.shape[:2], np.float32)
    mask[20:90, 10:80] = 1
    image = np.where(mask[..., None] > 0, 0.3 * image, image)
    apart = {}
    for twice in (False, True):
        weights = load_weights(name)
        model = build(replace(weights, config=replace(weights.config, second_look=twice, base_size=64)))
        if model.refinement is not None:
            model.refinement.begin_with_sum()  # convolutions have a left and a right
        write_weights(tmp_path / "model.safetensors", model, {}, ranges=False)
        harmonizer = Harmonizer(tmp_path / "model.safetensors", "cpu", engine=engine, precision="float32")
        there = harmonizer(image, mask).image
        back = harmonizer(image[:, ::-1].copy(), mask[:, ::-1].copy()).image[:, ::-1]
        apart[twice] = np.abs(there - back).max()
    assert apart[True] < 1e-5
    assert apart[False] > 1e-3


def wiener(size: float, error: float) -> float:
    """Return the expected confidence, from the mean squares of the change and of its error."""
    return size / (size + error)


def share(first, second, image, mask):
    return confidence(first, second, image, mask).share


def test_what_two_looks_agree_on_is_trusted():
    painted = IMAGE + 0.2
    found = confidence(painted, painted, IMAGE, MASK)
    assert found.share == pytest.approx(wiener(0.2**2, COMMON))
    assert found.size == pytest.approx(0.2)


def test_what_they_disagree_on_is_not():
    expected = wiener(0.2**2, DOUBT * 0.1**2 + COMMON)
    assert share(IMAGE + 0.3, IMAGE + 0.1, IMAGE, MASK) == pytest.approx(expected)
    assert share(IMAGE + 0.1, IMAGE - 0.1, IMAGE, MASK) == pytest.approx(0, abs=1e-9)


def test_a_picture_that_is_nearly_right_is_nearly_left_alone():
    painted = IMAGE + 0.3 * COMMON**0.5
    assert share(painted, painted, IMAGE, MASK) < 0.1
    assert share(IMAGE, IMAGE, IMAGE, MASK) == pytest.approx(0, abs=1e-9)


def test_the_larger_the_change_the_more_of_it_is_made_and_there_is_no_cliff():
    sizes = np.linspace(0, 1, 2001)
    shares = np.array([share(IMAGE + size, IMAGE + size, IMAGE, MASK) for size in sizes])
    assert (np.diff(shares) > 0).all()
    made = sizes * shares  # grows steadily with what is wanted, too: nowhere by more than twice as fast
    assert (np.diff(made) > 0).all()
    assert (np.diff(made) < 2 * np.diff(sizes)).all()


def test_the_more_looks_are_apart_the_less_of_a_change_is_made_and_there_is_no_cliff():
    gaps = np.linspace(0, 1, 1001)
    shares = np.array([share(IMAGE + 0.2 + gap, IMAGE + 0.2 - gap, IMAGE, MASK) for gap in gaps])
    assert (np.diff(shares) < 0).all()
    assert np.abs(np.diff(shares)).max() < 0.005


def test_rounding_leads_nowhere_else():
    random = np.random.default_rng(3)
    image, mask = IMAGE.astype(np.float32), MASK.astype(np.float32)
    for _ in range(200):
        first, second = (
            image + random.normal(0, random.uniform(0, COMMON**0.5), image.shape).astype(np.float32)
            for _ in range(2)
        )
        assert 0 <= share(first, first, image, mask) <= 1
        assert 0 <= share(first, second, image, mask) <= 1


def test_a_further_error_is_added_to_the_squared_error():
    image, mask = np.zeros((8, 8, 3)), np.ones((8, 8, 1))
    first = image + 0.1
    plain, doubted = (confidence(first, first, image, mask, extra) for extra in (0.0, 0.05))
    assert 1 / doubted.share - 1 / plain.share == pytest.approx(0.05**2 / 0.1**2)
    assert doubted.size == plain.size


def test_only_the_foreground_counts():
    left = MASK.copy()
    left[:, 8:] = 0
    painted = IMAGE + 0.2
    elsewhere = painted.copy()
    elsewhere[:, 8:] = 0
    alike = share(painted, painted, IMAGE, left)
    assert share(painted, elsewhere, IMAGE, left) == alike > 0.9
    assert share(painted, elsewhere, IMAGE, MASK) < alike


def test_the_more_is_foreground_the_less_is_trusted():
    painted, alone = IMAGE + 0.05, np.zeros_like(MASK)
    alone[4:6, 4:6] = 1
    little, much = share(painted, painted, IMAGE, alone), share(painted, painted, IMAGE, MASK)
    assert little == pytest.approx(wiener(0.05**2, FLOOR**2 * (1 + SPREAD * 4 / 256)))
    assert much < little


def test_without_a_foreground_there_is_no_change_to_make():
    assert share(IMAGE + 0.2, IMAGE - 0.2, IMAGE, 0 * MASK) == 0


def test_pictures_of_a_batch_are_trusted_each_by_itself():
    painted = np.stack((IMAGE + 0.2, IMAGE))
    together = share(painted, painted, np.stack((IMAGE, IMAGE)), np.stack((MASK, MASK)))
    assert together == pytest.approx([wiener(0.2**2, COMMON), 0], abs=1e-9)


def test_a_mirrored_picture_is_mirrored_in_all_its_parts():
    random = np.random.default_rng(2)
    low = LowPicture(*(random.random(shape, np.float32) for shape in ((16, 16, 3), (16, 16), (2, 2))))
    for name in ("image", "mask", "coarse_mask"):
        assert np.array_equal(getattr(low.mirrored(), name), getattr(low, name)[:, ::-1])
