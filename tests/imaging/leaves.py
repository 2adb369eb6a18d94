"""Pictures of a leaf on a background, its mask, and inexact masks."""

import numpy as np
from scipy import ndimage


def scene(height, width, seed=0):
    """Make a textured leaf on a textured background of another color, and its mask with a soft edge."""
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
    """Make the mask too wide by some pixels, or too narrow if negative."""
    hard = mask > 127
    wide = ndimage.distance_transform_edt(~hard) - ndimage.distance_transform_edt(hard) <= pixels
    return (255 * wide).astype(np.uint8)
