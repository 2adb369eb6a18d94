"""A contact sheet of examples: a column each, with composite, mask and ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..datasets.tree import Entry
from ..datasets.tree import Folder as FolderTree
from ..imaging import Picture
from ..imaging.write import encode_picture
from ..system.atomic import write_file
from .pictures import Bytes, read_mask, read_photo, resize
from .tasks import Finished, Row, seed_of

COLUMNS = 6
_HEIGHT, _WIDEST, _GAP, _MARGIN, _PAPER = 220, 400, 8, 24, 236


def write_contact_sheet(folder: Path, finished: Sequence[Finished], seed: int) -> Path:
    """Write `contact.jpg` with six composites, from as many photos as possible, drawn by the seed."""
    drawn = sorted(finished, key=lambda photo: seed_of(seed, photo.name, "contact"))
    turns = [(turn, row) for photo in drawn for turn, row in enumerate(photo.rows)]
    chosen = sorted(turns, key=lambda item: item[0])[:COLUMNS]
    columns = [_column(folder, row) for row in sorted(row for _, row in chosen)]
    height = max(len(column) for column in columns)
    width = sum(column.shape[1] + _GAP for column in columns) - _GAP
    sheet = np.full((height + 2 * _MARGIN, width + 2 * _MARGIN, 3), _PAPER, np.uint8)
    left = _MARGIN
    for column in columns:
        sheet[_MARGIN : _MARGIN + len(column), left : left + column.shape[1]] = column
        left += column.shape[1] + _GAP
    path = folder / "contact.jpg"
    write_file(path, encode_picture(Picture(sheet), ".jpg", quality=88))
    return path


def _column(folder: Path, row: Row) -> Bytes:
    tree = FolderTree(folder)
    pictures = [read_photo(Entry(tree, f"composite_images/{row.composite}"))]
    pictures.append(np.repeat(read_mask(Entry(tree, f"masks/{row.mask}"))[..., None], 3, axis=2))
    if row.real:
        pictures.append(read_photo(Entry(tree, f"real_images/{row.real}")))
    height, width = pictures[0].shape[:2]
    scale = min(_HEIGHT / height, _WIDEST / width)
    cells = [resize(picture, round(scale * height), round(scale * width)) for picture in pictures]
    gap = np.full((_GAP, cells[0].shape[1], 3), _PAPER, np.uint8)
    return np.concatenate([part for cell in cells for part in (cell, gap)][:-1])
