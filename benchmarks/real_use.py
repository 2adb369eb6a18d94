"""Measure quality in real use: inexact masks, moved objects, several objects, files saved as JPEG.

python benchmarks/real_use.py --photos PHOTOS --masks MASKS

writes docs/quality-real-use.md: tables of inexact masks, moved objects, several objects, steadiness, and
neutral colors. Photographs are from held-out sources. Errors are mean squared errors of values 0..255 in the
core of the object (its true mask, eroded by 8 px), so that the ring that an inexact mask adds or omits does
not count.
"""

from __future__ import annotations

import argparse
import io
import platform
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage import measure
from tqdm import tqdm

import cdtnet
from cdtnet.composites.photos import find_photos
from cdtnet.composites.recolor import RandomNumbers, relight, retouch, transfer
from cdtnet.evaluation.table import Table

ROOT = Path(__file__).parents[1]
SOURCES = ("weizmann_horses", "camvid")
FAMILIES = ("color transfer", "retouching", "changing light")
LONGEST = 560
CORE = 8
MOST_WRONG = 8000.0
UNTOUCHED = 0.5  # mean absolute change in levels, below which a result counts as unchanged
WRONG = 100.0  # least fMSE of composites that should be changed
HARM = 0.5  # dB
LUMA = np.array([0.299, 0.587, 0.114])
FLAT, NEUTRAL, DARK = 2, 6, 40  # levels of 255

Array = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Harmonize = Callable[[Array, Mask], cdtnet.Result]


class Composite(NamedTuple):
    """A composite (H,W,3), its mask as given (H,W), the true picture, and the core that is scored."""

    composite: Array
    mask: Mask
    real: Array
    core: NDArray[np.bool_]
    source: str


class Score(NamedTuple):
    """The fMSE of a composite and its result in the core, and the mean absolute change there, in levels."""

    before: float
    after: float
    change: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of <source>/<name>.jpg")
    parser.add_argument(
        "--masks", type=Path, required=True, help="folder of <source>/<name>.png, white = object"
    )
    parser.add_argument("--sources", nargs="+", default=SOURCES, help="sources never trained on")
    parser.add_argument("--models", nargs="+", default=["cdtnet-256"], help="shipped names or weight files")
    parser.add_argument("--count", type=int, default=60, help="photographs for each table")
    parser.add_argument("--apply-anyway", action="store_true", help="apply the whole change")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "quality-real-use.md")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)

    photos = load(arguments.photos, arguments.masks, arguments.sources, arguments.count)
    methods = {
        Path(name).name: partial(cdtnet.Harmonizer(name), apply_anyway=arguments.apply_anyway)
        for name in arguments.models
    }
    command = (
        "    python benchmarks/real_use.py --photos PHOTOS --masks MASKS "
        f"--sources {' '.join(arguments.sources)} --count {arguments.count} --models {' '.join(methods)}"
        f"{' --apply-anyway' if arguments.apply_anyway else ''}"
    )
    tables = [
        make(photos, name, harmonizer)
        for name, harmonizer in methods.items()
        for make in (loose_masks, snapped_masks, families, moved_objects, together, steadiness, neutrals)
    ]
    title = (
        "# Quality in real use\n\n"
        f"{len(photos)} photographs of {', '.join(arguments.sources)}, not used for training, at most "
        f"{LONGEST} px. {date.today().isoformat()}, {platform.machine()}, cdtnet {cdtnet.__version__}. "
        "95 % bootstrap intervals in parentheses.\n\n"
        f"{command}\n"
    )
    text = "\n".join([title, *(table.markdown() for table in tables)])
    arguments.output.write_text(text, encoding="utf-8")
    print(text)


class Photo(NamedTuple):
    """A photograph (H,W,3), an object's mask (H,W), and the source of both."""

    pixels: Array
    mask: Mask
    source: str


def load(photos: Path, masks: Path, sources: Sequence[str], count: int) -> list[Photo]:
    """Return photographs whose object covers 2–50 % and has a core, spread evenly over the sources."""
    found = [photo for photo in find_photos(photos, masks, sources) if photo.masks]
    loaded: list[Photo] = []
    for photo in np.random.default_rng(1).permutation(np.array(found, dtype=object)):
        image, mask = Image.open(photo.path).convert("RGB"), Image.open(photo.masks[0]).convert("L")
        scale = min(LONGEST / max(image.size), 1)
        size = round(image.width * scale), round(image.height * scale)
        soft = np.asarray(mask.resize(size, Image.Resampling.BILINEAR))
        share = (soft > 127).mean()
        if 0.02 < share < 0.5 and core_of(soft).sum() > 400:
            loaded.append(Photo(np.asarray(image.resize(size, Image.Resampling.LANCZOS)), soft, photo.source))
        if len(loaded) == count:
            break
    return loaded


def core_of(mask: Mask) -> NDArray[np.bool_]:
    """Return the object without its outermost pixels."""
    return np.asarray(ndimage.distance_transform_edt(mask > 127) > CORE)


# Recoloring


def tensor(pixels: Array) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]


def recolored(photo: Photo, other: Photo, mask: Mask, family: str, seed: int) -> Array:
    """Return the photograph with its object recolored, less strongly if it would be unrecognizable."""
    random = RandomNumbers(1, torch.Generator().manual_seed(seed))
    rgb, soft = tensor(photo.pixels), torch.from_numpy(mask.astype(np.float32) / 255)[None, None]
    if family == "color transfer":
        there = torch.from_numpy(other.mask.astype(np.float32) / 255)[None, None]
        changed = transfer(rgb, soft, tensor(other.pixels), there, random)
    elif family == "retouching":
        changed = retouch(rgb, random)
    else:
        changed = relight(retouch(rgb, random, strength=0.5), random)
    difference = soft * (changed - rgb)
    fmse = float(255**2 * (soft * difference**2).sum() / (3 * soft.sum()))
    difference *= min(1.0, (MOST_WRONG / max(fmse, 1e-6)) ** 0.5)
    result = (rgb + difference).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    return np.rint(255 * result).astype(np.uint8)


def in_place(photos: Sequence[Photo], families: Sequence[str] = FAMILIES[:2]) -> Iterator[Composite]:
    """Yield recolored photographs with their exact masks."""
    for number, photo in enumerate(photos):
        family = families[number % len(families)]
        composite = recolored(photo, photos[number - 1], photo.mask, family, number)
        yield Composite(composite, photo.mask, photo.pixels, core_of(photo.mask), photo.source)


# Realistic masks


def moved_edge(mask: Mask, pixels: float) -> Mask:
    """Return the mask, wider or narrower by this many pixels."""
    inside, outside = (ndimage.distance_transform_edt(part) for part in (mask > 127, mask <= 127))
    return np.rint(255 * np.clip(inside - outside + pixels + 0.5, 0, 1)).astype(np.uint8)


def extent(mask: Mask) -> int:
    rows, columns = (np.flatnonzero((mask > 127).any(axis)) for axis in (1, 0))
    return max(int(np.ptp(rows)), int(np.ptp(columns))) + 1


def polygon(mask: Mask) -> Mask:
    """Return the outline as a polygon of a few points."""
    drawn = Image.new("L", mask.shape[::-1])
    for contour in measure.find_contours(np.pad(mask, 1), 127):
        points = measure.approximate_polygon(contour - 1, 0.02 * extent(mask))
        if len(points) > 3:
            ImageDraw.Draw(drawn).polygon([(x, y) for y, x in points], fill=255)
    return np.asarray(drawn)


def brushed(mask: Mask) -> Mask:
    """Return a mask painted with a round brush, slightly over the edge, without thinner parts."""
    radius = max(0.06 * extent(mask), 4)
    inside = ndimage.distance_transform_edt(mask > 127)
    centers = inside > 0.7 * min(radius, inside.max() * 0.9)
    return np.where(ndimage.distance_transform_edt(~centers) <= radius, 255, 0).astype(np.uint8)


LOOSE: dict[str, Callable[[Mask], Mask]] = {
    "exact": lambda mask: mask,
    "2 px too wide": lambda mask: moved_edge(mask, 2),
    "5 px too wide": lambda mask: moved_edge(mask, 5),
    "3 px too narrow": lambda mask: moved_edge(mask, -3),
    "2 % of its extent too wide": lambda mask: moved_edge(mask, 0.02 * extent(mask)),
    "2 % of its extent too narrow": lambda mask: moved_edge(mask, -0.02 * extent(mask)),
    "shifted by 4 px": lambda mask: ndimage.shift(mask, (3, 3), order=0),
    "feathered, sigma 3 px": lambda mask: (
        ndimage.gaussian_filter(mask.astype(np.float32), 3).round().astype(np.uint8)
    ),
    "polygon": polygon,
    "brush": brushed,
}


def loose_masks(photos: Sequence[Photo], name: str, harmonizer: Harmonize, remark: str = "") -> Table:
    """Score recolored photographs with inexact masks."""
    scores: dict[str, list[Score]] = {kind: [] for kind in LOOSE}
    for made in tqdm(in_place(photos), total=len(photos), desc="masks"):
        for kind, change in LOOSE.items():
            scores[kind].append(score(harmonizer, made._replace(mask=change(made.mask))))
    return summary(f"## {name}: recolored photographs, by mask{remark}", scores)


def snapped_masks(photos: Sequence[Photo], name: str, harmonizer: Harmonize) -> Table:
    """Score the same masks snapped to the edge first, as the page does with painted ones."""
    return loose_masks(photos, name, partial(harmonizer, snap_mask=True), ", snapped to the edge first")


def families(photos: Sequence[Photo], name: str, harmonizer: Harmonize) -> Table:
    """Score recolored photographs with exact masks, by kind of change."""
    scores = {
        family: [score(harmonizer, made) for made in tqdm(in_place(photos, (family,)), desc=family)]
        for family in FAMILIES
    }
    return summary(f"## {name}: recolored photographs, exact masks, by kind of change", scores)


# Moved objects


def moved(photo: Photo, other: Photo, family: str | None, edge: str, seed: int) -> Composite | None:
    """Paste an object elsewhere into its own photograph, recolored unless `family` is None."""
    random = np.random.default_rng(seed)
    height, width = photo.mask.shape
    rows, columns = (np.flatnonzero((photo.mask > 127).any(axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    scale = random.uniform(0.7, 1.1)
    size = (
        max(round(scale * (box[1].stop - box[1].start)), 2),
        max(round(scale * (box[0].stop - box[0].start)), 2),
    )
    cut = [
        np.asarray(Image.fromarray(part[box]).resize(size, Image.Resampling.BICUBIC))[:, ::-1]
        for part in (photo.pixels, photo.mask)
    ]
    top, left = (
        int(random.integers(0, max(whole - part, 1))) for whole, part in ((height, size[1]), (width, size[0]))
    )
    cut = [part[: height - top, : width - left] for part in cut]
    target = slice(top, top + len(cut[1])), slice(left, left + cut[1].shape[1])
    mask, pasted = np.zeros_like(photo.mask), photo.pixels.copy()
    mask[target], pasted[target] = cut[1], cut[0]
    if edge == "hard":
        mask = np.where(mask > 127, 255, 0).astype(np.uint8)
    elif edge == "matted":
        mask = ndimage.gaussian_filter(mask.astype(np.float32), 1.5).round().astype(np.uint8)
    alpha = mask[..., None] / 255
    real = np.rint(photo.pixels * (1 - alpha) + pasted * alpha).astype(np.uint8)
    core = core_of(mask)
    if core.sum() < 200:
        return None
    whole = Photo(real, mask, photo.source)
    composite = real if family is None else recolored(whole, other, mask, family, seed)
    return Composite(composite, mask, real, core, photo.source)


def moved_objects(photos: Sequence[Photo], name: str, harmonizer: Harmonize) -> Table:
    """Score objects moved within their photograph, by edge, and measure the change of unaltered ones."""
    snapping = partial(harmonizer, snap_mask=True)
    kinds = {
        "exact alpha": ("exact", False, None, harmonizer),
        "hard alpha": ("hard", False, None, harmonizer),
        "matted alpha": ("matted", False, None, harmonizer),
        "mask 3 px too wide": ("exact", False, lambda mask: moved_edge(mask, 3), harmonizer),
        "mask 3 px too wide, snapped": ("exact", False, lambda mask: moved_edge(mask, 3), snapping),
        "brush": ("exact", False, brushed, harmonizer),
        "brush, snapped": ("exact", False, brushed, snapping),
        "nothing wrong": ("exact", True, None, harmonizer),
    }
    scores: dict[str, list[Score]] = {kind: [] for kind in kinds}
    for kind, (edge, is_right, change, method) in kinds.items():
        for number, photo in enumerate(tqdm(photos, desc=f"moved, {kind}")):
            family = None if is_right else FAMILIES[number % 2]
            made = moved(photo, photos[number - 1], family, edge, 1000 + number)
            if made is not None:
                mask = made.mask if change is None else change(made.mask)
                scores[kind].append(score(method, made._replace(mask=mask)))
    right = np.median([s.after for s in scores.pop("nothing wrong")])
    return summary(
        f"## {name}: objects moved within their photograph",
        scores,
        f"Objects whose colors were already right change by a median fMSE of {right:.0f}.",
    )


# Several objects


def together(photos: Sequence[Photo], name: str, harmonizer: Harmonize) -> Table:
    """Score two and three round objects with different color casts: in one mask, and one after the other."""
    rows = []
    for count in (2, 3):
        errors = []
        for number, photo in enumerate(tqdm(photos[: len(photos) // 2], desc=f"{count} objects")):
            random = np.random.default_rng(number)
            height, width = photo.mask.shape
            y, x = np.mgrid[:height, :width]
            radius = 0.13 * min(height, width)
            middles = [
                ((k + 1) / (count + 1) * width, random.uniform(0.3, 0.7) * height) for k in range(count)
            ]
            masks = [
                np.rint(255 * np.clip((radius - np.hypot(x - u, y - v)) / 2 + 0.5, 0, 1)).astype(np.uint8)
                for u, v in middles
            ]
            gains = random.uniform(-0.35, 0.35, 3)
            composite = photo.pixels.astype(np.float64)
            for mask, sign in zip(masks, (1, -1, 0.5), strict=False):
                alpha = mask[..., None] / 255
                composite += alpha * (np.clip(composite * np.exp(sign * gains), 0, 255) - composite)
            start = np.rint(composite).astype(np.uint8)
            union = np.maximum.reduce(masks)
            core = union > 127
            step = start
            for mask in masks:
                step = harmonizer(step, mask).image
            results = start, harmonizer(start, union).image, step
            errors.append([error(result, photo.pixels, core) for result in results])
        means = np.mean(errors, axis=0)
        rows.append([f"{count}", *(f"{mean:.0f}" for mean in means), f"{means[1] / means[2]:.2f}"])
    header = ["objects", "fMSE before", "in one mask", "one after the other", "ratio"]
    return Table(f"## {name}: several objects with different color casts", header, rows)


# Steadiness


def steadiness(photos: Sequence[Photo], name: str, harmonizer: Harmonize) -> Table:
    """Measure how much the change varies, in levels, under irrelevant variations of the input."""
    random = np.random.default_rng(0)

    def noisy(pixels: Array) -> Array:
        return np.clip(np.rint(pixels + random.normal(0, 2, pixels.shape)), 0, 255).astype(np.uint8)

    def specks(mask: Mask) -> Mask:
        changed = mask.copy()
        changed[2, 2] = changed[-3, -3] = 255
        return changed

    kinds: dict[str, tuple[Callable[[Array], Array], Callable[[Mask], Mask]]] = {
        "JPEG, quality 95, 4:2:0": (lambda p: jpeg(p, 95), lambda m: m),
        "JPEG, quality 85, 4:2:0": (lambda p: jpeg(p, 85), lambda m: m),
        "noise, sigma 2": (noisy, lambda m: m),
        "two stray pixels in the mask": (lambda p: p, specks),
        "a mask whose black is 1": (lambda p: p, lambda m: np.maximum(m, 1)),
        "a mask whose black is 3": (lambda p: p, lambda m: np.maximum(m, 3)),
        "moved by a pixel": (lambda p: np.roll(p, 1, 1), lambda m: np.roll(m, 1, 1)),
    }
    moves: dict[str, list[float]] = {kind: [] for kind in kinds}
    jumps = []
    for number, made in enumerate(tqdm(in_place(photos[: len(photos) // 2]), desc="steadiness")):
        first = change(harmonizer, made.composite, made.mask)[made.core]
        for kind, (picture, mask) in kinds.items():
            again = change(harmonizer, picture(made.composite), mask(made.mask))
            core = np.roll(made.core, 1, 1) if "moved" in kind else made.core
            moves[kind].append(float(np.abs(again[core].mean(0) - first.mean(0)).mean()))
        if number % 4 == 0:
            means = []
            for t in range(8):
                part = slice(t, made.mask.shape[0] - 8 + t), slice(t, made.mask.shape[1] - 8 + t)
                frame = noisy(made.composite[part]), np.ascontiguousarray(made.mask[part])
                means.append(change(harmonizer, *frame)[made.core[part]].mean(0))
            jumps.append(float(np.abs(np.diff(means, axis=0)).max()))
    rows = [[kind, f"{np.mean(m):.2f}", f"{np.max(m):.1f}"] for kind, m in moves.items()]
    rows.append(
        ["slow pan with noise, largest jump between frames", f"{np.mean(jumps):.2f}", f"{np.max(jumps):.1f}"]
    )
    return Table(
        f"## {name}: steadiness, in levels of 255",
        ["variation of the object's mean change with", "mean", "at most"],
        rows,
    )


def jpeg(pixels: Array, quality: int) -> Array:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(data).convert("RGB"))


def change(harmonizer: Harmonize, composite: Array, mask: Mask) -> NDArray[np.float64]:
    return harmonizer(composite, mask).image.astype(np.float64) - composite


# Neutral and dark colors


def chroma(pixels: Array) -> NDArray[np.float64]:
    """Return red and blue minus luma (H,W,2), in levels."""
    rgb = pixels.astype(np.float64)
    return (rgb - rgb @ LUMA[:, None])[..., [0, 2]]


def neutrals(photos: Sequence[Photo], name: str, harmonizer: Harmonize) -> Table:
    """Measure whether neutral and dark colors gain a hue, and flat surfaces visible chroma noise."""
    measures: dict[str, list[list[float]]] = {
        f"chroma noise of flat surfaces ({FLAT} levels a pixel at most)": [],
        f"mean chroma of neutral colors (below {NEUTRAL} in the photograph)": [],
        f"mean chroma of dark colors (below {DARK} in the photograph)": [],
    }
    noise, neutral, dark = measures.values()
    for made in tqdm(in_place(photos), total=len(photos), desc="neutral colors"):
        versions = made.real, made.composite, harmonizer(made.composite, made.mask).image
        luma = ndimage.gaussian_filter(made.composite @ LUMA, 1.5)
        flat = made.core & (np.hypot(*np.gradient(luma)) < FLAT)
        gray = made.core & (np.abs(chroma(made.real)).max(2) < NEUTRAL)
        black = made.core & (made.real.max(2) < DARK)
        colors = [chroma(version) for version in versions]
        if flat.sum() >= 50:
            fine = [each - ndimage.uniform_filter(each, (5, 5, 1)) for each in colors]
            noise.append([float((each[flat] ** 2).mean() ** 0.5) for each in fine])
        for values, where in ((neutral, gray), (dark, black)):
            if where.sum() >= 50:
                values.append([float(np.abs(each[where].mean(0)).max()) for each in colors])
    rows = []
    for kind, values in measures.items():
        found = np.array(values)
        gain = np.quantile(found[:, 2] / np.maximum(found[:, 1], 0.1), 0.95)
        rows.append([kind, f"{len(found)}", *(f"{mean:.2f}" for mean in found.mean(0)), f"{gain:.2f}"])
    header = ["levels of 255", "composites", "photograph", "composite", "result", "gain, 95th percentile"]
    return Table(f"## {name}: neutral and dark colors, chroma noise", header, rows)


# Scores


def error(picture: Array, real: Array, core: NDArray[np.bool_]) -> float:
    difference = picture[core].astype(np.float64) - real[core]
    return float((difference**2).mean())


def score(harmonizer: Harmonize, made: Composite) -> Score:
    result = harmonizer(made.composite, made.mask).image
    moved_by = np.abs(result[made.core].astype(np.float64) - made.composite[made.core]).mean()
    return Score(
        error(made.composite, made.real, made.core), error(result, made.real, made.core), float(moved_by)
    )


def summary(title: str, scores: dict[str, list[Score]], *notes: str) -> Table:
    """Summarize the error left, and how often results are worse or unchanged, by kind of composite."""
    rows = []
    for kind, given in scores.items():
        before, after, moved_by = np.array(given).T
        harmed = 10 * np.log10(np.maximum(after, 0.1) / np.maximum(before, 0.1)) > HARM
        untouched = (moved_by < UNTOUCHED)[before >= WRONG]
        rows.append(
            [
                kind,
                f"{len(given)}",
                f"{before.mean():.0f}",
                percent(lambda i, after=after, before=before: after[i].mean() / before[i].mean(), len(given)),
                percent(lambda i, harmed=harmed: harmed[i].mean(), len(given)),
                f"{100 * untouched.mean():.0f} %",
            ]
        )
    header = [
        "",
        "composites",
        "fMSE before",
        "error left",
        f"worse by over {HARM} dB",
        f"unchanged, of fMSE ≥ {WRONG:.0f}",
    ]
    return Table(title, header, rows, notes)


def percent(statistic: Callable[[NDArray[np.int64]], float], count: int) -> str:
    random = np.random.default_rng(0)
    resampled = [statistic(random.integers(0, count, count)) for _ in range(1000)]
    low, high = np.quantile(resampled, (0.025, 0.975))
    return f"{100 * statistic(np.arange(count)):.0f} %\n{100 * low:.0f}–{100 * high:.0f}"


if __name__ == "__main__":
    main()
