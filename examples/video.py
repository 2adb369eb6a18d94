"""Make docs/video.webp: the bird of a photograph in a video, before and after.

    python examples/video.py

The camera pans over the photograph and zooms; sensor noise is added to each frame.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import cdtnet

ROOT = Path(__file__).parents[1]
PHOTO, MASK = (ROOT / "examples" / "photos" / f"bird_{name}" for name in ("composite.jpg", "mask.png"))
COUNT, RATE, SIZE = 36, 12, (280, 210)


def main() -> None:
    """Write the clip."""
    frames, masks = shot()
    results = [result.image for result in cdtnet.harmonize_frames(frames, masks, rate=RATE)]
    gap = np.full((SIZE[1], 6, 3), 255, np.uint8)
    both = [
        Image.fromarray(np.concatenate((before, gap, after), axis=1))
        for before, after in zip(frames, results, strict=True)
    ]
    both[0].save(
        ROOT / "docs" / "video.webp",
        save_all=True,
        append_images=both[1:],
        duration=1000 // RATE,
        loop=0,
        quality=45,
        method=4,
    )


def shot() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Make frames (H,W,3) and mattes (H,W)."""
    photo, mask = Image.open(PHOTO).convert("RGB"), Image.open(MASK).convert("L")
    random = np.random.default_rng(0)
    frames, masks = [], []
    for t in np.linspace(0, 1, COUNT):
        width = photo.width * (0.9 - 0.25 * t)
        height = min(width * SIZE[1] / SIZE[0], photo.height)
        left, top = (photo.width - width) * (0.3 + 0.3 * t), (photo.height - height) * 0.5
        box = (left, top, left + width, top + height)
        shown = np.asarray(photo.resize(SIZE, Image.Resampling.BICUBIC, box), np.float64)
        noisy = np.clip(shown + random.normal(0, 2, shown.shape), 0, 255)
        frames.append(np.rint(noisy).astype(np.uint8))
        masks.append(np.asarray(mask.resize(SIZE, Image.Resampling.BILINEAR, box)))
    return frames, masks


if __name__ == "__main__":
    main()
