"""Costs of methods, measured in real processes."""

import sys

import pytest

from cdtnet.errors import CdtnetError
from cdtnet.evaluation.costs import measure_costs

pytestmark = pytest.mark.slow


def conv(size, inputs, outputs, kernel=3):
    """Operations of a convolution on a square, with multiplications and additions counted separately."""
    return 2 * size * size * inputs * outputs * kernel * kernel


def generator(size):
    """Operations of iS2AM's convolutions and linear layers, from the paper's figure."""
    total = conv(size, 4, 32) + conv(size, 32, 32)
    for half, channels in ((2, 64), (4, 128), (8, 256)):
        total += conv(size // half, channels // 2, channels) + conv(size // half, channels, channels)
    for half, channels in ((4, 128), (2, 64), (1, 32)):
        side = size // half
        total += conv(side, 2 * channels, channels) + conv(side, 2 * channels, channels)
        total += conv(side, channels, channels)
    total += conv(size, 64, 32) + conv(size, 32, 64) + conv(size, 1, 1, 7)  # attention
    total += 3 * 2 * (128 * 8 + 8 * 64)
    return total + conv(size, 32, 1, 1) + conv(size, 32, 3, 1)


def test_a_network_has_time_memory_operations_and_parameters():
    (cost,) = measure_costs({"low": "is2am-upsampled"}, "cpu", [(120, 200)])
    assert (cost.method, cost.height, cost.width) == ("low", 120, 200)
    assert cost.foreground_ratio == pytest.approx(0.086, abs=0.01)
    assert cost.seconds > 0
    assert cost.parameters == 2_185_340
    assert cost.flops == 2 * generator(256)  # it looks twice
    if sys.platform == "linux":
        assert 10e6 < cost.memory < 1e9  # 32 features of 256×256 pixels alone are 8 MB


def test_a_classical_method_has_time_and_memory():
    (cost,) = measure_costs({"MKL": "mkl"}, "cpu", [(1000, 1000)])
    assert cost.seconds > 0
    assert cost.flops is None
    assert cost.parameters is None
    if sys.platform == "linux":
        assert 12e6 < cost.memory < 200e6  # the result is 12 MB


@pytest.mark.skipif(sys.platform != "linux", reason="the free memory is known on Linux only")
def test_what_does_not_fit_is_reported():
    (cost,) = measure_costs({"MKL": "mkl"}, "cpu", [(1_000_000, 1_000_000)])
    assert cost.seconds is None
    assert cost.memory is None


def test_another_failure_is_an_error():
    with pytest.raises(CdtnetError, match=r"cost of x could not be measured.*no model"):
        list(measure_costs({"x": "nonesuch"}, "cpu", [(32, 32)]))
