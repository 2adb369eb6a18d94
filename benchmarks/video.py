"""Measure steadiness, fidelity, speed and memory for video, compared with single frames and with one table.

python benchmarks/video.py --photos PHOTOS --masks MASKS

writes docs/video-figures.md; --parts measures some of its sections anew and keeps the others. The clips are
made of photographs. One fixed map changes the colors of an object in the whole clip, so the true frames are
known.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

import cdtnet
from cdtnet.composites.photos import find_photos
from cdtnet.evaluation.table import Table
from cdtnet.system.machine import peak_memory

ROOT = Path(__file__).parents[1]
SOURCES = ("weizmann_horses", "camvid")
LONGEST = 480
CORE = 6
NOISE = 2.0  # standard deviation of the sensor noise in levels
RATE = 25
ALONE = 12  # frames that are harmonized alone to measure speed
FAST = 100  # frames per second of the clips for memory, so that few frames are key frames

Floats = NDArray[np.float64]
Frames = list[NDArray[np.uint8]]


class Clip(NamedTuple):
    """Composites and true frames (H,W,3), and mattes (H,W)."""

    composites: Frames
    mattes: Frames
    truths: Frames


class Photo(NamedTuple):
    """A photograph (H,W,3) and its object's mask (H,W)."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of <source>/<name>.jpg")
    parser.add_argument("--masks", type=Path, required=True, help="folder of <source>/<name>.png")
    parser.add_argument("--sources", nargs="+", default=SOURCES, help="sources never trained on")
    parser.add_argument("--model", default="cdtnet-256")
    parser.add_argument("--clips", type=int, default=2, help="of each kind")
    parser.add_argument("--frames", type=int, default=40, help="of each clip")
    parser.add_argument("--kinds", nargs="+", default=[*KINDS, "cut"], help="of clips")
    parser.add_argument("--rate", type=float, default=RATE, help="frames a second that clips count for")
    parser.add_argument("--speed-frames", type=int, default=250)
    parser.add_argument("--memory-frames", type=int, nargs=2, default=(1000, 10000))
    parser.add_argument("--parts", nargs="+", default=["quality", "speed", "memory"])
    parser.add_argument("--note", default="", help="a sentence about the machine, below each table")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "video-figures.md")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    if arguments.parts == ["one-length"]:
        one_length(*arguments.memory_frames)
        return
    photos = load(arguments.photos, arguments.masks, arguments.sources, 2 * arguments.clips)
    parts = {
        "quality": lambda: quality(photos, arguments),
        "speed": lambda: speed(photos[0], arguments),
        "memory": lambda: memory(arguments),
    }
    for part in arguments.parts:
        write(parts[part](), arguments)


def write(table: Table, arguments: argparse.Namespace) -> None:
    """Replace the table's section of the page, or add it."""
    path: Path = arguments.output
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    sections = {each.partition("\n")[0]: each for each in old.split("\n## ")[1:]}
    words = shlex.join(sys.argv[1:])
    for value, name in ((arguments.photos, "PHOTOS"), (arguments.masks, "MASKS"), (arguments.note, "NOTE")):
        words = words.replace(shlex.quote(str(value)), name)
    text = table.markdown().removeprefix("## ")
    title, _, rest = text.partition("\n")
    machine = f"{date.today().isoformat()}, {os.cpu_count()} cores, {platform.machine()}. {arguments.note}"
    sections[title] = f"{title}\n\n{machine.strip()}\n\n    python benchmarks/video.py {words}\n{rest}"
    text = "".join(f"\n## {each.strip()}\n" for each in sections.values())
    path.write_text(f"# Video: figures\n{text}", encoding="utf-8")
    print(text)


def load(photos: Path, masks: Path, sources: Sequence[str], count: int) -> list[Photo]:
    """Load photographs with an object of 4 to 30 %."""
    found = [photo for photo in find_photos(photos, masks, sources) if photo.masks]
    loaded: list[Photo] = []
    for photo in np.random.default_rng(3).permutation(np.array(found, dtype=object)):
        image, mask = Image.open(photo.path).convert("RGB"), Image.open(photo.masks[0]).convert("L")
        scale = min(LONGEST / max(image.size), 1)
        size = round(image.width * scale) // 2 * 2, round(image.height * scale) // 2 * 2
        soft = np.asarray(mask.resize(size, Image.Resampling.BILINEAR))
        if 0.04 < (soft > 127).mean() < 0.3 and core_of(soft).sum() > 400:
            loaded.append(Photo(np.asarray(image.resize(size, Image.Resampling.LANCZOS)), soft))
        if len(loaded) == count:
            return loaded
    raise SystemExit("There are too few photographs with masks.")


def core_of(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray(ndimage.distance_transform_edt(mask > 127) > CORE)


# Shots with truth


def recolor(seed: int) -> Callable[[Floats], Floats]:
    """Change colors in 0..1 as a wrong white balance and exposure do."""
    random = np.random.default_rng(seed)
    gains = np.exp(random.uniform(-0.35, 0.35, 3) + random.uniform(-0.25, 0.25))
    gamma = np.exp(random.uniform(-0.2, 0.2))
    return lambda rgb: np.clip(gains * rgb**gamma, 0, 1)


def still(photo: Photo, count: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Repeat the photograph."""
    for _ in range(count):
        yield photo.pixels / 255, photo.mask / 255


def pan(photo: Photo, count: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Pan over the photograph, and zoom in by a fifth."""
    height, width = photo.mask.shape
    for frame in range(count):
        t = frame / max(count - 1, 1)
        scale = 1.4 + 0.3 * t
        x, y = ((scale - 1) * width * (0.2 + 0.6 * t), (scale - 1) * height * (0.6 - 0.2 * t))
        matrix = np.array([[scale, 0, -x], [0, scale, -y]])
        yield tuple(  # type: ignore[misc]
            cv2.warpAffine(part / 255, matrix, (width, height), flags=cv2.INTER_LINEAR)
            for part in (photo.pixels, photo.mask)
        )


def moving(photo: Photo, count: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Move the object, cut out, over its own photograph."""
    height, width = photo.mask.shape
    for frame in range(count):
        t = frame / max(count - 1, 1)
        matrix = np.array([[1.0, 0, (0.4 * t - 0.2) * width], [0, 1.0, 0.05 * height * np.sin(6 * t)]])
        pixels, mask = (
            cv2.warpAffine(part / 255, matrix, (width, height), flags=cv2.INTER_LINEAR)
            for part in (photo.pixels, photo.mask)
        )
        yield photo.pixels / 255 * (1 - mask[..., None]) + pixels * mask[..., None], mask


def dimming(photo: Photo, count: int, seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Make the light darker and warmer in the middle third."""
    for frame in range(count):
        t = float(np.clip(3 * frame / max(count - 1, 1) - 1, 0, 1))
        yield photo.pixels / 255 * (1 - t * np.array([0.35, 0.5, 0.6])), photo.mask / 255


KINDS = {
    "nothing moves": still,
    "pan and zoom": pan,
    "object moves": moving,
    "light changes": dimming,
}


def clip_of(photo: Photo, kind: str, count: int, seed: int) -> Clip:
    change, random = recolor(seed), np.random.default_rng(seed)
    clip = Clip([], [], [])
    for rgb, mask in KINDS[kind](photo, count, seed):
        noisy = np.clip(rgb + random.normal(0, NOISE / 255, rgb.shape), 0, 1)
        wrong = noisy + mask[..., None] * (change(noisy) - noisy)
        for frames, values in zip(clip, (wrong, mask, noisy), strict=True):
            frames.append(np.rint(255 * values).astype(np.uint8))
    return clip


def joined(one: Clip, other: Clip) -> Clip:
    """Join two clips by a cut; the second is resized to the first one's size."""
    height, width = one.mattes[0].shape

    def fitted(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA))

    half = len(one.mattes) // 2
    return Clip(*(a[:half] + [fitted(frame) for frame in b[half:]] for a, b in zip(one, other, strict=True)))


# Quality


class Score(NamedTuple):
    """Flicker in levels (mean, most, of the composite itself, and warped), and squared errors."""

    flicker: float
    most: float
    own: float
    warped: float
    before: float
    after: float


def quality(photos: Sequence[Photo], arguments: argparse.Namespace) -> Table:
    model, clips, count, rate = arguments.model, arguments.clips, arguments.frames, arguments.rate
    harmonizer, mapping = cdtnet.Harmonizer(model), cdtnet.Harmonizer("cdtnet-sim")

    def steady(clip: Clip) -> Frames:
        results = cdtnet.harmonize_frames(clip.composites, clip.mattes, model=harmonizer, rate=rate)
        return [result.image for result in results]

    def causal(clip: Clip) -> Frames:
        frames = iter(clip.composites)
        results = cdtnet.harmonize_frames(frames, iter(clip.mattes), model=harmonizer, rate=rate)
        return [result.image for result in results]

    def alone(clip: Clip) -> Frames:
        pairs = zip(clip.composites, clip.mattes, strict=True)
        return [harmonizer(composite, mask).image for composite, mask in pairs]

    def one_table(clip: Clip) -> Frames:
        lut = mapping.lut(clip.composites[0], clip.mattes[0])
        pairs = zip(clip.composites, clip.mattes, strict=True)
        return [lut.recolor(composite, mask) for composite, mask in pairs]

    methods = {
        "cdtnet video": steady,
        "past frames only": causal,
        "each frame alone": alone,
        "one table for all": one_table,
    }
    rows = []
    for kind in arguments.kinds:
        scores: dict[str, list[Score]] = {name: [] for name in methods}
        for number in range(clips):
            if kind == "cut":
                pair = [
                    clip_of(photos[2 * number + i], "nothing moves", count, 70 + number + i) for i in (0, 1)
                ]
                clip = joined(*pair)
            else:
                clip = clip_of(photos[2 * number], kind, count, 50 + number)
            for name, method in methods.items():
                scores[name].append(score(clip, method(clip), kind == "cut"))
                print(kind, name, scores[name][-1], file=sys.stderr, flush=True)
        for name, given in scores.items():
            mean = Score(*np.mean(given, axis=0))
            left = 100 * mean.after / mean.before
            figures = [mean.flicker, mean.most, mean.own, mean.warped]
            rows.append([kind, name, *(f"{figure:.2f}" for figure in figures), f"{left:.1f} %"])
    header = ["clips", "method", "flicker", "most", "composite's own", "warped difference", "error left"]
    note = (
        f"{clips} clips a kind, {count} frames each, at most {LONGEST} px, noise of {NOISE:.0f} levels. In "
        "levels of 255: flicker is how far the mean change of the foreground moves from one frame to the "
        "next (mean and most), beside how far the mean of the composite's own foreground moves; the warped "
        "difference is that of the change of each pixel along the optical flow. Error left: squared error in "
        "the object's core after, of that before. Across the cut nothing is compared."
    )
    return Table("## Steadiness and fidelity", header, rows, [f"{model}, {note}"])


def score(clip: Clip, results: Frames, cut: bool) -> Score:
    changes = [
        result.astype(np.float64) - start for result, start in zip(results, clip.composites, strict=True)
    ]
    cores = [mask > 127 for mask in clip.mattes]
    means = np.array([change[core].mean(0) for change, core in zip(changes, cores, strict=True)])
    own = np.array([frame[core].mean(0) for frame, core in zip(clip.composites, cores, strict=True)])
    steps, own_steps = (np.abs(np.diff(values, axis=0)).mean(1) for values in (means, own))
    warped = np.array([warped_difference(clip, changes, cores, i) for i in range(len(changes) - 1)])
    if cut:
        kept = np.arange(len(steps)) != len(steps) // 2
        steps, own_steps, warped = steps[kept], own_steps[kept], warped[kept]
    errors = [
        [float(((frames[i].astype(np.float64) - clip.truths[i])[core_of(clip.mattes[i])] ** 2).mean())]
        for i, frames in itertools.product(range(len(results)), (clip.composites, results))
    ]
    before, after = np.mean(errors[::2]), np.mean(errors[1::2])
    return Score(steps.mean(), steps.max(), own_steps.mean(), warped.mean(), float(before), float(after))


def warped_difference(
    clip: Clip, changes: Sequence[Floats], cores: Sequence[NDArray[np.bool_]], i: int
) -> float:
    """Return how far the change of a pixel moves along the optical flow of the true frames."""
    gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip.truths[i : i + 2]]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(gray[0], gray[1], None)
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    places = columns + flow[..., 0], rows + flow[..., 1]
    after = cv2.remap(changes[i + 1].astype(np.float32), *places, cv2.INTER_LINEAR)
    there = cv2.remap(cores[i + 1].astype(np.float32), *places, cv2.INTER_LINEAR) > 0.99
    both = there & cores[i]
    return float(np.abs(after - changes[i])[both].mean()) if both.any() else 0.0


# Speed


def speed(photo: Photo, arguments: argparse.Namespace) -> Table:
    rows, count = [], arguments.speed_frames
    with tempfile.TemporaryDirectory() as folder:
        clip, matte, out = (Path(folder) / name for name in ("clip.mp4", "matte.mp4", "out.mp4"))
        hd(photo, count, clip, matte)
        rate = clip.stat().st_size * 8 / 1e6 / (count / RATE)
        for model in ("cdtnet-256", "cdtnet-sim"):
            harmonizer = cdtnet.Harmonizer(model)
            alone(harmonizer, clip, matte, 1)  # compiles the network
            methods = {
                "cdtnet video": (count, partial(cdtnet.harmonize_video, clip, matte, out, model=harmonizer)),
                "each frame alone": (ALONE, partial(alone, harmonizer, clip, matte, ALONE)),
            }
            for name, (frames, work) in methods.items():
                wall, processor = time.perf_counter(), time.process_time()
                work()
                wall, processor = time.perf_counter() - wall, time.process_time() - processor
                times = [f"{frames / wall:.1f}", *(f"{1000 * t / frames:.0f}" for t in (wall, processor))]
                rows.append([model, name, *times])
                print(rows[-1], file=sys.stderr, flush=True)
    header = ["model", "method", "frames a second", "ms a frame", "ms of processor time a frame"]
    note = (
        f"{count} frames of 1920×1080, foreground 10 %, a photograph enlarged and panned, H.264 at "
        f"{rate:.1f} Mbit/s; more detail takes longer to decode and to encode. `cdtnet video` writes H.264, "
        f"and everything from opening to closing is measured. Alone, {ALONE} frames are decoded and "
        "harmonized, and not encoded."
    )
    return Table("## Speed", header, rows, [note])


def hd(photo: Photo, count: int, clip: Path, matte: Path) -> None:
    """Make a 1080p clip whose foreground, a moving disc, covers a tenth."""
    height, width = 1080, 1920
    rgb = cv2.resize(photo.pixels, (width + 200, height), interpolation=cv2.INTER_CUBIC)
    radius = (0.1 * height * width / np.pi) ** 0.5
    side = round(radius) + 2
    y, x = np.mgrid[-side:side, -side:side]
    disc = np.clip(radius - np.hypot(y, x), 0, 1)[..., None]
    with av.open(str(clip), "w") as first, av.open(str(matte), "w") as second:
        streams = [container.add_stream("libx264", rate=RATE) for container in (first, second)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(count):
            there = 1 - abs(i / 50 % 2 - 1)  # 0..1, to and fro
            left, place = round(200 * there), round(700 + 400 * there)
            frame, mask = rgb[:, left : left + width].copy(), np.zeros((height, width, 3), np.uint8)
            box = slice(540 - side, 540 + side), slice(place - side, place + side)
            mask[box] = 255 * disc
            frame[box] = frame[box] + disc * (np.clip(frame[box] * [1.3, 1.0, 0.7], 0, 255) - frame[box])
            for container, stream, values in zip((first, second), streams, (frame, mask), strict=True):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(values, "rgb24")))
        for container, stream in zip((first, second), streams, strict=True):
            container.mux(stream.encode())


def alone(harmonizer: cdtnet.Harmonizer, clip: Path, matte: Path, count: int) -> None:
    """Decode and harmonize the first frames, each by itself."""
    with av.open(str(clip)) as first, av.open(str(matte)) as second:
        pairs = zip(first.decode(video=0), second.decode(video=0), strict=True)
        for one, other in itertools.islice(pairs, count):
            harmonizer(one.to_ndarray(format="rgb24"), other.to_ndarray(format="gray"))


# Memory


def memory(arguments: argparse.Namespace) -> Table:
    rows = []
    for count in arguments.memory_frames:
        command = [
            *(sys.executable, __file__, "--photos", ".", "--masks", ".", "--parts", "one-length"),
            *("--memory-frames", str(count), str(count)),
        ]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        rows.append([f"{count:,}", f"{found['mb']:.0f}", f"{found['seconds']:.0f}"])
    header = ["frames", "peak memory, MB", "seconds"]
    note = f"The whole process, cdtnet-sim, 96×64 pixels, {FAST} frames a second, FFV1 in and out."
    return Table("## Memory", header, rows, [note])


def one_length(count: int, _: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip, matte = (Path(folder) / name for name in ("clip.mkv", "matte.mkv"))
        random = np.random.default_rng(0)
        base = random.integers(60, 200, (64, 96, 3)).astype(np.uint8)
        mask = np.zeros((64, 96, 3), np.uint8)
        mask[20:44, 30:60] = 255
        for path, frame in ((clip, base), (matte, mask)):
            with av.open(str(path), "w") as container:
                stream = container.add_stream("ffv1", rate=FAST)
                stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
                for _number in range(count):
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
                container.mux(stream.encode())
        start = time.perf_counter()
        cdtnet.harmonize_video(clip, matte, clip.with_name("out.mkv"), model="cdtnet-sim")
        seconds = time.perf_counter() - start
    print(json.dumps({"mb": peak_memory() / 1e6, "seconds": seconds}))


if __name__ == "__main__":
    main()
