"""Masks that are off the object's edge: the analysis uses a refined mask, rendering the given one."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

import cdtnet
from cdtnet import Harmonizer
from cdtnet.inference import analysis
from cdtnet.inference.analysis import GAIN

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def harmonizer():
    return Harmonizer("cdtnet-256", "cpu")


@pytest.fixture
def scene():
    """Make a composite with a recolored disc, its photograph (H,W,3), and the disc's mask (H,W)."""
    photo = cv2.imread(str(Path(cdtnet.__file__).parent / "demo" / "composite.jpg"))[..., ::-1]
    photo = cv2.resize(photo, (400, 300), interpolation=cv2.INTER_AREA)
    mask = cv2.circle(np.zeros((300, 400), np.uint8), (200, 150), 70, 255, -1, cv2.LINE_AA)
    other = np.clip(photo * np.array([0.3, 0.6, 1.6]) + 40, 0, 255)
    alpha = mask[..., None] / 255
    return np.rint(photo * (1 - alpha) + other * alpha).astype(np.uint8), photo, mask


def wide(mask, pixels=7):
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask, disc)


def left(result, composite, photo, mask):
    """Return the share of the squared error left in the disc."""
    inside = mask > 250
    return ((result[inside] - photo[inside].astype(float)) ** 2).sum() / (
        (composite[inside] - photo[inside].astype(float)) ** 2
    ).sum()


def test_a_mask_that_is_too_wide_is_judged_by_a_refined_one(harmonizer, scene, monkeypatch):
    composite, photo, mask = scene
    result = harmonizer(composite, wide(mask))
    assert "refined" in result.remark
    monkeypatch.setattr(analysis, "GAIN", np.inf)
    plain = harmonizer(composite, wide(mask))
    assert "refined" not in (plain.remark or "")
    assert left(result.image, composite, photo, mask) < 0.95 * left(plain.image, composite, photo, mask)


def test_what_the_given_mask_leaves_out_stays_as_it_is(harmonizer, scene):
    composite, _, mask = scene
    for given in (wide(mask), cv2.erode(mask, np.ones((9, 9), np.uint8))):
        result = harmonizer(composite, given).image
        np.testing.assert_array_equal(result[given == 0], composite[given == 0])


def test_an_exact_mask_is_kept(harmonizer, scene):
    composite, _, mask = scene
    assert harmonizer(composite, mask).remark is None


class Mixer:
    """A minimal engine."""

    @staticmethod
    def mix(analyses, weights):
        return sum(weight * found for found, weight in zip(analyses, weights, strict=True))


class View(NamedTuple):
    """A picture at base size."""

    image: np.ndarray
    mask: np.ndarray

    def masked(self, mask):
        return self._replace(mask=mask)


def found(gain, monkeypatch):
    """Return the analysis of a mask of 0.2 that is refined to one of 0.8, and the number of views."""
    view = View(np.zeros((8, 8, 3), np.float32), np.full((8, 8), 0.2, np.float32))
    monkeypatch.setattr(analysis.Edge, "is_sharp", False)
    monkeypatch.setattr(analysis.Edge, "gain", lambda *_: gain)
    views = analysis._views(view, lambda: np.full((8, 8), 0.8, np.float32))
    return np.average([low.mask.mean() for low, _ in views], weights=[weight for _, weight in views]), len(
        views
    )


def test_the_edge_of_a_refined_mask_has_to_have_clearly_more_contrast(monkeypatch):
    assert found(0.5 * GAIN, monkeypatch) == (pytest.approx(0.2), 1)
    assert found(2.0 * GAIN, monkeypatch) == (pytest.approx(0.8), 1)


def test_the_transition_from_one_mask_to_the_other_is_smooth(monkeypatch):
    values = [found(gain * GAIN, monkeypatch)[0] for gain in np.linspace(0.5, 2, 60)]
    assert np.diff(values).min() >= 0
    assert np.diff(values).max() < 0.05


def test_of_two_looks_the_surer_one_counts_more():
    looks = [
        analysis._Look(np.full(3, value), analysis.Confidence(share, 0.1), 0.5)
        for value, share in ((1.0, 0.3), (2.0, 0.9))
    ]
    mean, sure = analysis._mean(Mixer, looks)
    assert sure.share == pytest.approx(0.6)
    np.testing.assert_allclose(mean, 1.75, rtol=1e-6)


def test_the_mask_of_a_pasted_cut_out_is_taken_as_exact(harmonizer, scene, monkeypatch):
    composite, photo, mask = scene
    cut_out = np.dstack((composite, mask))
    made = cdtnet.compose(cut_out, photo, at=(0, 0))
    monkeypatch.setattr(analysis, "refine", lambda *_: pytest.fail("the mask was refined"))
    result = harmonizer(made.composite, made.mask, layer=made.layer)
    assert not np.array_equal(np.asarray(result.image), np.asarray(made.composite))
