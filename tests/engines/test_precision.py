"""What reduced precision may change, on photographs with the weights that ship; for both engines."""

import numpy as np
import pytest

from cdtnet import Harmonizer

pytestmark = pytest.mark.filterwarnings("ignore:The mask")


@pytest.fixture(scope="module", params=["openvino", "pytorch"])
def harmonizers(request):
    return {
        precision: Harmonizer("cdtnet-256", "cpu", engine=request.param, precision=precision)
        for precision in ("float32", "bfloat16", "auto")
    }


def test_8_bit_pictures_move_by_a_level_at_most_nearly_everywhere(harmonizers, photos):
    for composite, mask in photos:
        exact, reduced = (
            harmonizers[precision](composite, mask).image[mask > 0].astype(int)
            for precision in ("float32", "bfloat16")
        )
        apart = np.abs(exact - reduced)
        assert (apart.max(axis=1) <= 1).mean() >= 0.999
        assert apart.max() <= 3
        assert 10 * np.log10(255**2 / (apart**2).mean()) >= 55


@pytest.mark.parametrize("kind", [np.uint16, np.float16, np.float32])
def test_deeper_pictures_are_computed_in_single_precision(harmonizers, photos, kind):
    composite, mask = photos[1][0][:200, :300], np.full((200, 300), 255, np.uint8)
    deep = (composite / 255 * (65535 if kind == np.uint16 else 1)).astype(kind)
    automatic = harmonizers["auto"](deep, mask).image
    assert automatic.tobytes() == harmonizers["float32"](deep, mask).image.tobytes()
    assert automatic.tobytes() != harmonizers["bfloat16"](deep, mask).image.tobytes()


def test_8_bit_pictures_are_computed_in_the_lowest_precision_that_the_hardware_gains_by(harmonizers, photos):
    composite, mask = photos[1][0][:200, :300], np.full((200, 300), 255, np.uint8)
    fast = harmonizers["auto"].engine.fast
    automatic = harmonizers["auto"](composite, mask).image
    assert automatic.tobytes() == harmonizers[fast](composite, mask).image.tobytes()
