"""Pictures of a leaf before a ground, its mask, and masks that are off."""

import numpy as np
from scipy import ndimage


def scene(height, width, seed=0):
    """A textured leaf of one color before a textured ground of another, and its mask with a soft edge."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    angle = np.arctan2(y - 0.5 * height, x - 0.45 * width)
    radius = 0.28 * height * (1 + 0.15 * np.sin(5 * angle))
    mask = np.clip(radius - np.hypot(y - 0.5 * height, x - 0.45 * width) + 0.5, 0, 1)[..., None]
    leaf, ground = np.array([70, 140, 60]), np.array([180, 150, 130])
    noise = random.normal(0, 12, (height, width, 3))
    picture = mask * leaf + (1 - mask) * ground + noise
    return picture.clip(0, 255).astype(np.uint8), np.rint(255 * mask[..., 0]).astype(np.uint8)


def off(mask, pixels):
    """The mask, that many pixels too wide or, below 0, too narrow."""
    hard = mask > 127
    wide = ndimage.distance_transform_edt(~hard) - ndimage.distance_transform_edt(hard) <= pixels
    return (255 * wide).astype(np.uint8)
