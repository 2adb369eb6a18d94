import numpy as np
import pytest
from PIL import Image, ImageDraw
from skimage.draw import polygon2mask

from cdtnet.errors import DataError
from cdtnet.synthesize.outlines import decode_counts, decode_runs, fill


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("4351", [4, 3, 5, 4]),  # the fourth is 3 + 1
        ("T3X17I", [100, 40, 7, 33]),  # 4 + 3·32; 8 + 1·32; 7; 40 - 7
        ("`0", [16]),  # the fifth bit would be a sign
        ("", []),
    ],
)
def test_compressed_counts(text, counts):
    assert decode_counts(text) == counts


@pytest.mark.parametrize(
    ("text", "problem"), [("4T", "middle"), ("4~", "character '~'"), ("4é", "character")]
)
def test_damaged_counts_are_refused(text, problem):
    with pytest.raises(DataError, match=problem):
        decode_counts(text)


def test_runs_go_down_the_columns():
    expected = [[0, 1, 0], [0, 1, 1]]
    assert (decode_runs([2, 2, 1, 1], 2, 3) // 255).tolist() == expected
    assert (decode_runs([0, 6], 2, 3) == 255).all()
    assert not decode_runs([6], 2, 3).any()


@pytest.mark.parametrize("counts", [[5], [7], [-1, 7], []])
def test_runs_have_to_add_up(counts):
    with pytest.raises(DataError, match="do not add up to 3×2"):
        decode_runs(counts, 2, 3)


def test_a_rectangle_covers_its_share_of_each_pixel():
    square = np.array([[1.0, 1.0], [3.5, 1.0], [3.5, 2.5], [1.0, 2.5]])
    covered = fill([square], 4, 5) / 255
    assert covered == pytest.approx(
        np.array([[0] * 5, [0, 1, 1, 0.5, 0], [0, 0.5, 0.5, 0.25, 0], [0] * 5]), abs=2e-3
    )


def test_what_lies_outside_is_cut_off():
    large = np.array([[-5.0, -5.0], [50, -5], [50, 50], [-5, 50]])
    assert (fill([large], 3, 4) == 255).all()
    assert not fill([large + 60], 3, 4).any()


def test_holes_and_unions():
    bow_tie = np.array([[0.0, 0], [8, 8], [8, 0], [0, 8]])
    other = np.array([[0.0, 0], [8, 0], [8, 8], [0, 8]])
    assert fill([bow_tie], 8, 8)[1, 4] == 0
    assert (fill([bow_tie, other], 8, 8) == 255).all()


@pytest.mark.parametrize("seed", range(4))
def test_polygons_as_others_fill_them(seed):
    random = np.random.default_rng(seed)
    angles = np.sort(random.uniform(0, 2 * np.pi, 11))
    radius = random.uniform(15, 45, 11)
    corners = np.stack((60 + radius * np.cos(angles), 50 + radius * np.sin(angles)), axis=1)
    ours = fill([corners], 100, 120) / 255
    large = Image.new("L", (120 * 16, 100 * 16))
    ImageDraw.Draw(large).polygon([tuple(corner * 16) for corner in corners], fill=255)
    pillow = np.asarray(large.resize((120, 100), Image.Resampling.BOX)) / 255
    assert np.abs(ours - pillow).max() < 0.15
    assert np.abs(ours - pillow).mean() < 0.002
    scikit = polygon2mask((100, 120), corners[:, ::-1] - 0.5)
    assert ((ours > 0.5) & scikit).sum() / ((ours > 0.5) | scikit).sum() > 0.985
