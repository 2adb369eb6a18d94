"""Masks that are off the object's edge: colors are judged by a refined one, and painted as given."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import cdtnet
from cdtnet import Harmonizer
from cdtnet.inference import analysis
from cdtnet.inference.analysis import CLEAR, MORE

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def harmonizer():
    return Harmonizer("cdtnet-256", "cpu")


@pytest.fixture
def scene():
    """A composite with a disc recolored, its photograph (H,W,3), and the disc's mask (H,W)."""
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
    """How much of the squared error is left in the disc."""
    inside = mask > 250
    return ((result[inside] - photo[inside].astype(float)) ** 2).sum() / (
        (composite[inside] - photo[inside].astype(float)) ** 2
    ).sum()


def test_a_mask_that_is_too_wide_is_judged_by_a_refined_one(harmonizer, scene, monkeypatch):
    composite, photo, mask = scene
    result = harmonizer(composite, wide(mask))
    assert "refined" in result.remark
    monkeypatch.setattr(analysis, "CLEAR", -1)
    plain = harmonizer(composite, wide(mask))
    assert "refined" not in (plain.remark or "")
    assert left(result.image, composite, photo, mask) < 0.95 * left(plain.image, composite, photo, mask)


def test_what_the_given_mask_leaves_out_stays_as_it_is(harmonizer, scene):
    composite, _, mask = scene
    for given in (wide(mask), cv2.erode(mask, np.ones((9, 9), np.uint8))):
        result = harmonizer(composite, given).image
        np.testing.assert_array_equal(result[given == 0], composite[given == 0])


def test_a_mask_that_shows_enough_is_not_refined(harmonizer, scene, monkeypatch):
    composite, _, mask = scene
    monkeypatch.setattr(analysis, "CLEAR", 1)
    monkeypatch.setattr(analysis, "snap_low", lambda *_: pytest.fail("the mask was refined"))
    assert harmonizer(composite, mask).remark is None


def look(worth, share=0.8):
    return analysis._Look(np.full(3, worth), analysis.Confidence(share, worth / 255), worth)


class Mixer:
    """An engine that can do no more than this."""

    @staticmethod
    def mix(analyses, weights):
        return sum(weight * found for found, weight in zip(analyses, weights, strict=True))


def test_the_refined_mask_has_to_show_clearly_more():
    for second, refined in ((1.5 * MORE, True), (0.7 * MORE, False)):
        found, sure, is_refined = analysis._joined(Mixer, [look(1.0), look(second)])
        assert is_refined is refined
        np.testing.assert_allclose(found, second if refined else 1, rtol=0.1)
        assert sure.share == pytest.approx(0.8)
    assert analysis._joined(Mixer, [look(CLEAR)])[2] is False


def test_the_passage_from_one_mask_to_the_other_is_smooth():
    values = [
        analysis._joined(Mixer, [look(1.0), look(MORE * worth)])[0][0] for worth in np.linspace(0.5, 2, 60)
    ]
    assert np.abs(np.diff(values)).max() < 0.3
    same = analysis._joined(Mixer, [look(1.0, 0.3), look(MORE, 0.9)])
    assert same[1].share == pytest.approx(0.6)
    np.testing.assert_allclose(same[0], 1 + 0.75 * (MORE - 1), rtol=1e-6)


def test_the_mask_of_a_pasted_cut_out_is_taken_as_exact(harmonizer, scene, monkeypatch):
    composite, photo, mask = scene
    cut_out = np.dstack((composite, mask))
    made = cdtnet.compose(cut_out, photo, at=(0, 0))
    monkeypatch.setattr(analysis, "snap_low", lambda *_: pytest.fail("the mask was refined"))
    result = harmonizer(made.composite, made.mask, layer=made.layer)
    assert not np.array_equal(np.asarray(result.image), np.asarray(made.composite))
