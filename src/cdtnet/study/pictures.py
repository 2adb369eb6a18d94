"""The pictures of a study: results with the same stems, a folder per method, and copies for the screen."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyvips

from ..errors import CdtnetError, DataError, PictureError
from ..imaging import Picture, read_picture, to_mask
from ..imaging.formats import SUFFIXES
from ..imaging.preview import on_screen, shrunk
from ..system.atomic import write_file


@dataclass(frozen=True)
class Gallery:
    """Files by stem.

    Attributes:
        results: The results of each method, by picture.
        composites: The composites, or none.
        masks: The masks of the pasted objects, or none.
    """

    results: Mapping[str, Mapping[str, Path]]
    composites: Mapping[str, Path] = field(default_factory=dict)
    masks: Mapping[str, Path] = field(default_factory=dict)

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems, sorted."""
        return tuple(sorted(next(iter(self.results.values()), ())))


def find_pictures(
    results: Mapping[str, Path], composites: Path | None = None, masks: Path | None = None
) -> Gallery:
    """Find the files of a study by their names.

    Args:
        results: The folder of each method; pictures may be in sub-folders.
        composites: A folder with the composite of every picture; others are ignored.
        masks: A folder with the foreground mask of every picture; others are ignored.

    Raises:
        DataError: A folder cannot be used, or lacks a picture that another method has.
    """
    if masks and not composites:
        raise DataError("The masks are shown over the composites; give --composites, too.")
    found = {method: _stems(folder) for method, folder in results.items()}
    stems = {stem for files in found.values() for stem in files}
    if not stems:
        raise DataError(
            f"There are no pictures in {', '.join(map(str, results.values()))}; give folders of results."
        )
    given = (composites, masks)
    shown = [_complete(folder, _stems(folder), stems) if folder else {} for folder in given]
    return Gallery({method: _complete(results[method], found[method], stems) for method in found}, *shown)


def make_screen_copies(
    gallery: Gallery,
    folder: Path,
    longest_side: int,
    follow: Callable[[Iterable[Path], int], Iterable[Path]] = lambda copies, count: copies,
) -> Gallery:
    """Write copies of all pictures in the same format, so that format and metadata do not identify methods.

    They are upright sRGB JPEG files of quality 95 without chroma subsampling, of at most `longest_side`.

    Args:
        gallery: The pictures.
        folder: The folder of the copies, which are named by numbers.
        longest_side: The longest side in pixels.
        follow: Called with the iterator of copies and their number; returns an iterator, for a progress bar.

    Returns:
        The same gallery, of the copies.

    Raises:
        PictureError: A picture cannot be read.
        DataError: The pictures of a stem differ in size, which would identify methods.
    """
    groups = [*gallery.results.values(), gallery.composites, gallery.masks]
    originals = list(dict.fromkeys(path for group in groups for path in group.values()))
    masks = set(gallery.masks.values())
    sizes: dict[Path, tuple[int, int]] = {}

    def copy(numbered: tuple[int, Path]) -> Path:
        target = folder / f"{numbered[0]}.jpg"
        image = _for_screen(numbered[1], longest_side, is_mask=numbered[1] in masks)
        write_file(target, image.jpegsave_buffer(Q=95, subsample_mode="off", keep=0))
        sizes[numbered[1]] = (image.width, image.height)
        return target

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = follow(pool.map(copy, enumerate(originals)), len(originals))
        copies = dict(zip(originals, made, strict=True))
    for stem in gallery.stems:
        _check_sizes([group[stem] for group in groups if group], sizes)
    renamed = [{stem: copies[path] for stem, path in group.items()} for group in groups]
    return Gallery(dict(zip(gallery.results, renamed, strict=False)), *renamed[-2:])


def _stems(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give a folder of pictures.")
    files: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):  # `cdtnet batch` writes results under the composites' paths
        inside = path.relative_to(folder)
        if path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in inside.parts):
            if path.stem in files:
                other = files[path.stem].relative_to(folder)
                raise DataError(f"{folder} contains both {other} and {inside}; keep one of them.")
            files[path.stem] = path
    return files


def _complete(folder: Path, files: dict[str, Path], stems: set[str]) -> dict[str, Path]:
    missing = sorted(stems - files.keys())
    if missing:
        some = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise DataError(
            f"{folder} lacks {len(missing)} of {len(stems)} pictures ({some}); "
            "every folder must contain the same stems."
        )
    return {stem: files[stem] for stem in sorted(stems)}


def _for_screen(path: Path, longest_side: int, *, is_mask: bool) -> Any:
    try:
        picture = read_picture(path)
        if is_mask:
            picture = Picture(to_mask(picture, picture.height, picture.width)[..., None])
        image = pyvips.Image.new_from_array(on_screen(shrunk(picture, longest_side)).pixels)
        if is_mask:
            return image[0]
        return image.flatten(background=255) if picture.alpha is not None else image
    except CdtnetError as error:
        raise PictureError(f"{error} Or remove its stem from every folder.") from error


def _check_sizes(paths: list[Path], sizes: dict[Path, tuple[int, int]]) -> None:
    first = paths[0]
    for path in paths[1:]:
        if sizes[path] != sizes[first]:
            (width, height), (other_width, other_height) = sizes[path], sizes[first]
            raise DataError(
                f"{path} is {width}×{height} pixels on the screen but {first} {other_width}×{other_height}; "
                "give all results of a picture the same size; otherwise the size identifies the method."
            )
