import numpy as np
import torch
from skimage import color as reference

from cdtnet.composites.color import linear_to_oklab, linear_to_srgb, oklab_to_linear, srgb_to_linear

# sRGB primaries at D65 (IEC 61966-2-1), linear RGB to XYZ
SRGB_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)


def test_linear_light_equals_scikit_images_and_comes_back():
    rgb = torch.rand(2, 3, 20, 20)
    linear = srgb_to_linear(rgb)
    xyz = reference.rgb2xyz(rgb[0].permute(1, 2, 0).double().numpy())
    expected = xyz @ np.linalg.inv(SRGB_TO_XYZ).T
    np.testing.assert_allclose(linear[0].permute(1, 2, 0), expected, atol=1e-4)
    torch.testing.assert_close(linear_to_srgb(linear), rgb, atol=1e-5, rtol=0)


def test_oklab_of_colors_from_its_publication_and_back():
    white, red = torch.ones(1, 3, 1, 1), torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)
    np.testing.assert_allclose(linear_to_oklab(white).flatten(), [1, 0, 0], atol=1e-3)
    np.testing.assert_allclose(linear_to_oklab(red).flatten(), [0.62796, 0.22486, 0.12585], atol=1e-3)
    light = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(oklab_to_linear(linear_to_oklab(light)), light, atol=1e-4, rtol=0)
