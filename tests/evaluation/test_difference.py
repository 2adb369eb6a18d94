import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from cdtnet.evaluation.difference import ciede2000, delta_e

# Colors of sRGB, whose difference scikit-image computes.
COLORS = [
    ((0, 0, 0), (0, 0, 0)),
    ((255, 255, 255), (0, 0, 0)),
    ((200, 30, 30), (30, 200, 30)),
    ((10, 10, 12), (10, 12, 10)),
]


# Of table 1 of Sharma, Wu and Dalal, "The CIEDE2000 Color-Difference Formula" (2005).
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1, 2), (50, 0, 0), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
    ((50, 2.5, 0), (58, 24, 15), 19.4535),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "expected"), SHARMA)
def test_the_formula(first, second, expected):
    one, other = np.array(first, float), np.array(second, float)
    assert ciede2000(one, other) == pytest.approx(expected, abs=5e-5)
    assert ciede2000(other, one) == pytest.approx(expected, abs=5e-5)


def test_the_formula_agrees_with_scikit_image(random):
    one, other = random.uniform((0, -90, -90), (100, 90, 90), (2, 5000, 3))
    assert ciede2000(one, other) == pytest.approx(deltaE_ciede2000(one, other), abs=1e-9)


@pytest.mark.parametrize(("first", "second"), COLORS)
def test_single_colors(first, second):
    one, other = (np.full((4, 5, 3), color, np.float32) for color in (first, second))
    expected = deltaE_ciede2000(rgb2lab(one[0, 0] / 255), rgb2lab(other[0, 0] / 255))
    found = delta_e(one, other, np.ones((4, 5)))
    assert found == pytest.approx((expected, expected), abs=0.03)


def test_a_picture_of_several_strips(random):
    prediction, target = random.uniform(0, 255, (2, 300, 7, 3)).astype(np.float32)
    mask = random.uniform(0, 1, (300, 7))
    each = deltaE_ciede2000(rgb2lab(prediction / 255), rgb2lab(target / 255))
    expected = each.mean(), (mask * each).sum() / mask.sum()
    assert delta_e(prediction, target, mask) == pytest.approx(expected, abs=0.01)


def test_without_foreground_there_is_no_difference_in_it(random):
    prediction, target = random.uniform(0, 255, (2, 6, 7, 3))
    assert delta_e(prediction, target, np.zeros((6, 7))).foreground == 0


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="differ in shape"):
        delta_e(np.zeros((4, 5, 3)), np.zeros((4, 6, 3)), np.zeros((4, 5)))
