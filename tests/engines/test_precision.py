"""Bounds of engines and precisions, on photographs with the shipped weights."""

import numpy as np
import pytest
import torch

from cdtnet import Harmonizer, load_model

from .networks import plain

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The mask")]


RUNTIMES = [("openvino", "cpu"), ("pytorch", "cpu")]
if torch.cuda.is_available():
    RUNTIMES.append(("pytorch", "cuda"))


@pytest.fixture(scope="module", params=RUNTIMES, ids=" on ".join)
def harmonizers(request):
    engine, device = request.param
    return {
        precision: Harmonizer("cdtnet-256", device, engine=engine, precision=precision)
        for precision in ("float32", "bfloat16", "auto", *(["int8"] if engine == "openvino" else []))
    }


def test_single_precision_equals_the_plain_forward(harmonizers, photos):
    composite = photos[0][0][:200, :300].astype(np.float32) / 255
    mask = np.tile(np.linspace(0, 1, 300, dtype=np.float32), (200, 1))
    expected = plain(load_model("cdtnet-256"), composite[None], mask[None, ..., None])[0]
    ours = harmonizers["float32"](composite, mask).image
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_8_bit_pictures_move_by_a_level_at_most(harmonizers, photos, precision):
    if precision not in harmonizers:
        pytest.skip("this engine does not compute in it")
    for composite, mask in photos:
        exact, reduced = (
            harmonizers[each](composite, mask).image[mask > 0].astype(int) for each in ("float32", precision)
        )
        apart = np.abs(exact - reduced)
        assert apart.max() <= 1
        assert (apart**2).mean() <= 255**2 / 10**6.0  # a PSNR of 60 dB


@pytest.mark.parametrize("kind", [np.uint16, np.float16, np.float32])
def test_deeper_pictures_are_computed_in_single_precision(harmonizers, photos, kind):
    composite, mask = photos[1]  # with something to go by, or nothing would change
    deep = (composite / 255 * (65535 if kind == np.uint16 else 1)).astype(kind)
    automatic = harmonizers["auto"](deep, mask).image
    assert automatic.tobytes() == harmonizers["float32"](deep, mask).image.tobytes()
    if (fast := harmonizers["auto"].engine.fast) != "float32":
        assert automatic.tobytes() != harmonizers[fast](deep, mask).image.tobytes()


def test_8_bit_pictures_are_computed_in_the_lowest_precision_that_the_hardware_gains_by(harmonizers, photos):
    composite, mask = photos[1]
    fast = harmonizers["auto"].engine.fast
    automatic = harmonizers["auto"](composite, mask).image
    assert automatic.tobytes() == harmonizers[fast](composite, mask).image.tobytes()
