import numpy as np
import pytest

from cdtnet.video.cuts import Cuts


def scene(seed, shift=0):
    base = np.random.default_rng(seed).integers(0, 256, (9, 24, 3)).repeat(10, 0).repeat(10, 1)
    return base[:, shift : shift + 160].astype(np.float32)


def test_a_cut_is_found_where_the_scene_changes():
    cuts = Cuts(None)
    frames = [scene(1)] * 5 + [scene(2)] * 5
    assert [cuts.begins(frame) for frame in frames] == [True, *4 * [False], True, *4 * [False]]


@pytest.mark.parametrize("change", [lambda i: scene(1, 2 * i), lambda i: scene(1) * (1 - 0.05 * i)])
def test_neither_a_pan_nor_a_light_that_fades_is_a_cut(change):
    cuts = Cuts(None)
    assert [cuts.begins(change(i)) for i in range(12)] == [True, *11 * [False]]


def test_cuts_that_are_given_are_the_only_ones():
    cuts = Cuts([3])
    frames = [scene(1), scene(2), scene(2), scene(2)]
    assert [cuts.begins(frame) for frame in frames] == [True, False, False, True]


def test_motion_right_after_a_cut_is_no_cut():
    busy = np.random.default_rng(0).integers(0, 256, (48, 128, 3)).astype(np.uint8)
    still = [np.full((48, 64, 3), 250, np.uint8)] * 3
    frames = [*still, *(busy[:, 4 * i : 4 * i + 64] for i in range(4))]
    cuts = Cuts(None)
    assert [cuts.begins(frame) for frame in frames] == [True, False, False, True, False, False, False]
