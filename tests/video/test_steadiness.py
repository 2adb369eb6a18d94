"""Looks are averaged where time and light are alike, follow the foreground, and are forgotten."""

import weakref

import numpy as np
import pytest

from cdtnet.engines.openvino import LowAnalysis
from cdtnet.imaging.geometry import Window
from cdtnet.inference.steering import Levels
from cdtnet.video.looking import Glimpse, Key
from cdtnet.video.steadiness import REACH, aligned, moved, outlooks, outlooks_so_far

SIZE = 16
WHOLE = Window(0, 0, 100, 100)


class Engine:
    """Mixes what is looked at, as the real ones do."""

    @staticmethod
    def mix(analyses, weights):
        return LowAnalysis(sum(each.low * weight for each, weight in zip(analyses, weights, strict=True)))


class Looker:
    carries_picture = False
    every = 4


def glimpse(number, light=100.0, *, begins=False, covered=True, center=(50.0, 50.0), size=20.0):
    return Glimpse(number, begins or number == 0, covered, np.full(6, light), center, size)


def key(seen, value):
    low = np.full((1, 3, SIZE, SIZE), value, np.float32) if np.isscalar(value) else value
    return Key(
        seen,
        Window(0, 0, 100, 100),
        LowAnalysis(low),
        float(value if np.isscalar(value) else 1),
        None,
        9.0,
        Levels(0, 0),
    )


def film(count, light, value, cut=None):
    """Glimpses, with a look at every fourth that finds `value(number)`."""
    for number in range(count):
        seen = glimpse(number, light(number), begins=number == cut)
        yield seen, key(seen, value(number)) if number % Looker.every == 0 else None


def amounts(outlooks_):
    return np.array([each.steady(Engine(), None, WHOLE).amount for each in outlooks_])


@pytest.mark.parametrize("decide", [outlooks, outlooks_so_far])
def test_what_flickers_from_look_to_look_is_smoothed(decide):
    found = amounts(
        decide(Looker(), Engine(), film(80, lambda _: 100, lambda number: 1 + 0.2 * (number % 8 == 0)))
    )
    assert len(found) == 80
    assert np.abs(np.diff(found)).max() < 0.05
    assert np.ptp(found[30:50]) < 0.1


def test_light_that_changes_at_once_is_followed_at_once():
    found = amounts(
        outlooks(Looker(), Engine(), film(40, lambda n: 100 + 60 * (n >= 20), lambda n: 1 + (n >= 20)))
    )
    assert found[:17] == pytest.approx(1, abs=0.02)
    assert found[20:] == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize("decide", [outlooks, outlooks_so_far])
def test_nothing_passes_across_a_cut(decide):
    found = amounts(decide(Looker(), Engine(), film(40, lambda _: 100, lambda n: 1 + (n >= 20), cut=20)))
    assert found[:20] == pytest.approx(1)
    assert found[20:] == pytest.approx(2)


def test_what_belongs_to_places_moves_and_grows_with_the_foreground():
    low = np.zeros((1, 3, SIZE, SIZE), np.float32)
    low[..., 8, 4] = 1
    start, end = glimpse(0, center=(50, 30), size=20), glimpse(4, center=(50, 55), size=20)
    there = aligned(key(start, low), key(end, low)).found.low
    assert np.unravel_index(there[0, 0].argmax(), (SIZE, SIZE)) == (8, 8)  # 25 pixels of 100 are 4 of 16
    assert moved(Window(0, 0, 100, 100), start, end) == Window(0, 25, 100, 125)
    larger = glimpse(4, center=(50, 30), size=30)
    assert moved(Window(20, 10, 80, 50), start, larger) == Window(5, 0, 95, 60)


def test_only_a_few_looks_are_held_however_long_the_film_is():
    looks, most = [], 0

    def counted():
        for seen, look in film(400, lambda _: 100, lambda _: 1.0):
            if look is not None:
                low = np.ones((1, 3, SIZE, SIZE), np.float32)
                looks.append(weakref.ref(low))
                look = look._replace(found=LowAnalysis(low))
            yield seen, look

    for _ in outlooks(Looker(), Engine(), counted()):
        most = max(most, sum(look() is not None for look in looks))
    assert REACH < most <= 4 * REACH


def test_frames_without_foreground_need_nothing():
    seen = glimpse(0, covered=False)
    (found,) = outlooks(Looker(), Engine(), [(seen, None)])
    assert found.steady(Engine(), None, WHOLE) is None
