"""Objects in photos from published annotations: COCO's instances JSON, Open Images' CSV and PNG masks."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.tree import Entry
from ..errors import DataError
from .outlines import decode_counts, decode_runs, fill
from .pictures import Bytes, enlarge_mask, read_mask
from .sources import pictures

MAX_PIXELS = 1 << 28  # limit of run-length masks
_BORDER = 0.005  # least distance of objects from the border, as a share of the sides
_AREAS = (0.005, 0.6)  # range of the area of an object's box, as a share of its photo
_LEAST_IOU = 0.8  # least agreement of the outlines by an annotator and a network, in Open Images


Shape = Callable[[int, int], Bytes]
"""A function from the height and width of a photo to an object's mask (H,W), 255 = object.

It raises DataError if the annotation, or the file that it names, is damaged.
"""


@dataclass(frozen=True)
class Instance:
    """An object.

    Attributes:
        photo: The photo that contains it.
        label: Its label in the annotations.
        shape: Its pixels.
    """

    photo: Entry
    label: str
    shape: Shape


def coco_mask(segmentation: Any, annotated: tuple[int, int], height: int, width: int) -> Bytes:
    """Make a mask of COCO's polygons or run lengths, compressed or not.

    Args:
        segmentation: The segmentation in COCO's format.
        annotated: Height and width of the photo that was annotated, which may have another size.
        height: The height of the photo in pixels.
        width: The width of the photo in pixels.

    Raises:
        DataError: The segmentation is neither polygons nor run lengths.
    """
    try:
        if isinstance(segmentation, list):
            scale = (width / annotated[1], height / annotated[0])
            return fill([_corners(polygon) * scale for polygon in segmentation], height, width)
        counts = segmentation["counts"]
        rows, columns = map(int, segmentation["size"])
        if rows * columns > MAX_PIXELS:
            raise DataError(f"A mask of {columns}×{rows} pixels is too large.")
        runs = decode_counts(counts) if isinstance(counts, str) else [int(count) for count in counts]
    except (TypeError, ValueError, KeyError, ZeroDivisionError) as error:
        raise DataError(f"A segmentation is neither polygons nor run lengths ({error}).") from error
    return enlarge_mask(decode_runs(runs, rows, columns), height, width)


def _corners(polygon: Any) -> Any:
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError("a polygon needs three corners")
    return corners


def file_mask(entry: Entry, height: int, width: int) -> Bytes:
    """Read a mask file of any size, as in Open Images, resized to the photo's size.

    Raises:
        DataError: It cannot be read, or has another aspect ratio than the photo.
    """
    mask = read_mask(entry)
    rows, columns = mask.shape
    if abs(rows * width / (columns * height) - 1) > 0.02:
        raise DataError(
            f"{entry} has {columns}×{rows} pixels, another aspect ratio than its photo of {width}×{height}."
        )
    return enlarge_mask(mask, height, width)


def read_instances(annotations: Path, photos: Path, masks: Sequence[Path] = ()) -> list[Instance]:
    """Read the usable objects: of sensible size, in one piece, away from the border.

    Args:
        annotations: `instances_*.json` (COCO) or `*-annotations-object-segmentation.csv` (Open Images).
        photos: The folder or archive of the annotated photos.
        masks: Folders or archives of Open Images' mask PNGs.

    Raises:
        DataError: The annotations cannot be read, or none can be used.
    """
    by_path = pictures(photos)
    by_name = {key.rpartition("/")[2]: entry for key, entry in by_path.items()} | by_path
    try:
        if annotations.suffix.lower() == ".csv":
            found = list(_open_images(annotations, by_name, masks))
        else:
            found = list(_coco(annotations, by_name))
    except OSError as error:
        raise DataError(f"{annotations} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise DataError(
            f"{annotations} is neither COCO instances (JSON) nor Open Images segmentations (CSV): "
            f"{type(error).__name__} {error}."
        ) from error
    if not found:
        raise DataError(
            f"No object of {annotations} can be used: its photo is not in {photos}, its mask is missing, "
            "it touches the border, or it is too small or too large."
        )
    return found


def _coco(annotations: Path, photos: dict[str, Entry]) -> Iterator[Instance]:
    content = json.loads(annotations.read_bytes())
    images = {image["id"]: image for image in content["images"]}
    labels = {category["id"]: category["name"] for category in content.get("categories", ())}
    for item in content["annotations"]:
        image, segmentation = images.get(item["image_id"]), item.get("segmentation")
        photo = photos.get(image["file_name"].rpartition(".")[0]) if image else None
        pieces = (
            len(segmentation) if isinstance(segmentation, list) else 1
        )  # several pieces if something is in front of it
        if not image or not photo or not segmentation or item.get("iscrowd") or pieces > 1:
            continue
        width, height = image["width"], image["height"]
        left, top, wide, high = item["bbox"]
        if _is_usable(left / width, top / height, (left + wide) / width, (top + high) / height):
            label = f"{labels.get(item.get('category_id'), 'object')} {item['id']}"
            yield Instance(photo, label, partial(coco_mask, segmentation, (height, width)))


def _open_images(annotations: Path, photos: dict[str, Entry], masks: Sequence[Path]) -> Iterator[Instance]:
    if not masks:
        raise DataError("Open Images has its masks in separate files; give their folders with --masks.")
    found = {key.rpartition("/")[2]: entry for folder in masks for key, entry in pictures(folder).items()}
    with annotations.open(encoding="utf-8-sig", newline="") as stream:
        for line in csv.DictReader(stream):
            photo, mask = photos.get(line["ImageID"]), found.get(line["MaskPath"].rpartition(".")[0])
            box = [float(line[column]) for column in ("BoxXMin", "BoxYMin", "BoxXMax", "BoxYMax")]
            agreed = float(line.get("PredictedIoU") or 1) >= _LEAST_IOU
            if photo and mask and agreed and _is_usable(*box):
                yield Instance(photo, f"{line['LabelName']} {line['MaskPath']}", partial(file_mask, mask))


def _is_usable(left: float, top: float, right: float, bottom: float) -> bool:
    """Check that a box, in shares of the photo's sides, is away from the border and of sensible size."""
    inside = min(left, top) >= _BORDER and max(right, bottom) <= 1 - _BORDER
    return inside and _AREAS[0] <= (right - left) * (bottom - top) <= _AREAS[1]
