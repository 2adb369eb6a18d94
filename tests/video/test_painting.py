"""What is recolored by a table alone equals what the network renders."""

import numpy as np
import pytest

from cdtnet import Harmonizer, harmonize_frames
from cdtnet.imaging import Picture
from cdtnet.inference.controls import Controls
from cdtnet.inference.options import Options
from cdtnet.video import painting
from cdtnet.video.film import Moment
from cdtnet.video.looking import Looker
from cdtnet.video.steadiness import Outlook
from cdtnet.video.stills import Still
from tests.video.films import composites, mattes


@pytest.fixture(scope="module")
def sim() -> Harmonizer:
    return Harmonizer("cdtnet-sim", "cpu")


@pytest.mark.parametrize("is_pasted", [False, True])
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_a_table_alone_recolors_as_the_network_renders_within_a_level(sim, is_pasted, strength):
    above = Still(Picture(composites(seed=3)[0])) if is_pasted else None
    moment = Moment(0, Still(Picture(composites()[0])), mattes()[0], above)
    options = Options(Controls(strength=strength), apply_anyway=True)
    ((glimpse, key),) = Looker(sim, options, 25).glimpses([moment])
    outlook = Outlook(glimpse, key)
    found = painting.paint(sim, options, moment, outlook).astype(int)
    mask = moment.mask[moment.region.slices]
    plain = painting.rendered(sim, options, moment, outlook.steady(sim.engine, mask, moment.region))
    assert np.abs(found - plain).max() <= 1
    assert np.array_equal(found[mask == 0], plain[mask == 0])
    assert np.abs(plain.astype(int) - moment.part.pixels).max() > 3


@pytest.mark.parametrize(
    ("kind", "choices"),
    [(np.uint16, {}), (np.uint8, {"keep_hue": True}), (np.uint8, {"brightness": 20})],
)
def test_deep_frames_and_corrections_are_rendered(sim, monkeypatch, kind, choices):
    monkeypatch.delattr(painting, "recolored")
    frames = composites(2).astype(kind) * kind(np.iinfo(kind).max // 255)
    assert len(list(harmonize_frames(frames, mattes(2), model=sim, **choices))) == 2
