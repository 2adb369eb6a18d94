"""3D lookup tables, and .cube files, which photo and video editors read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from ..system.atomic import write_file
from ..system.files import check_regular
from .color import color_codec
from .convert import like, to_picture
from .depth import unit
from .geometry import touched
from .masks import coverage, to_mask

_SIZES = range(2, 257)  # allowed by the format
_TILE = 256  # side of the squares that are recolored at a time, in pixels
_BYTES = 1 << 30  # largest possible size of the text of an allowed table


@dataclass(frozen=True, eq=False, repr=False)
class Lut:
    """A recoloring of sRGB values in 0..1.

    Attributes:
        table: (N, N, N, 3) float32, indexed by blue, green, red; the new colors of the grid, red first.
        note: A comment of one line in the .cube file; "" for none.

    Raises:
        PictureError: The table has another shape, or contains NaN or infinite values.
    """

    table: NDArray[np.float32]
    note: str = ""

    def __post_init__(self) -> None:
        shape = self.table.shape
        if len(shape) != 4 or len(set(shape[:3])) != 1 or shape[3] != 3 or shape[0] not in _SIZES:
            raise PictureError(
                f"A lookup table needs the shape (N, N, N, 3) with N from 2 to 256, not {shape}."
            )
        if not np.isfinite(self.table).all():
            raise PictureError("A lookup table must not hold NaN or infinite values.")

    def __repr__(self) -> str:
        return f"<Lut {self.size}×{self.size}×{self.size}>"

    @property
    def size(self) -> int:
        """The number of grid points per axis."""
        return int(self.table.shape[0])

    def apply(self, rgb: NDArray[np.floating]) -> NDArray[np.float32]:
        """Recolor (..., 3) values trilinearly; values outside 0..1 are clipped, and NaN is 0."""
        place = unit(rgb).astype(np.float32, copy=False) * np.float32(self.size - 1)
        low = np.minimum(place.astype(np.intp), self.size - 2)
        strides, colors = np.array([1, self.size, self.size**2]), self.table.reshape(-1, 3)
        first = low @ strides
        corners = [
            colors.take(first + (red + strides[1] * green + strides[2] * blue), axis=0)
            for blue, green, red in np.ndindex(2, 2, 2)
        ]
        for share in np.moveaxis(place - low.astype(np.float32), -1, 0)[..., None]:  # order: red, green, blue
            corners = [a + share * (b - a) for a, b in zip(corners[::2], corners[1::2], strict=True)]
        return corners[0]

    def recolor(
        self,
        picture: Any,
        mask: Any = None,
        *,
        strength: float = 1.0,
        resize_mask: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Any:
        """Apply the table to a picture, converted to sRGB from any color profile.

        With the composite and mask of a "cdtnet-sim" table, the result equals the network's. Pixels where the
        mask is 0 are bit-identical. Memory beyond the pictures is bounded.

        Args:
            picture: A path, a PIL image, a Picture or an array, as for `Harmonizer`.
            mask: The same kinds, of the picture's size: white is recolored; None recolors everything.
            strength: 0 leaves the picture unchanged, 1 recolors fully; linear between.
            resize_mask: Whether to accept a mask of another size, and resize it.
            progress: Called with the number of finished tiles and the number of all tiles.

        Returns:
            The recolored picture, of the same kind, size and depth; a `Picture` for a path.

        Raises:
            PictureError: The picture or the mask cannot be used, or the strength is not from 0 to 1.
        """
        check_strength(strength)
        source = to_picture(picture)
        height, width = source.height, source.width
        white = np.broadcast_to(np.uint8(255), (height, width))
        soft = white if mask is None else to_mask(mask, height, width, resize=resize_mask)
        codec, pixels, windows = color_codec(source), source.pixels.copy(), list(touched(soft, _TILE))
        for done, window in enumerate(windows, start=1):
            before, part = codec.decode(pixels[window.slices]), coverage(soft[window.slices])[..., None]
            after = before + strength * part * (self.apply(before) - before)
            pixels[window.slices] = codec.encode(pixels[window.slices], before, after)
            if progress:
                progress(done, len(windows))
        return like(source.replace_pixels(pixels), picture)

    def resized(self, size: int) -> Lut:
        """Return the same recoloring on another grid, interpolated trilinearly."""
        if size not in _SIZES:
            raise PictureError(f"A lookup table can have 2 to 256 grid points per axis, not {size}.")
        return self if size == self.size else Lut(self.apply(_identity(size)), self.note)

    def weakened(self, strength: float) -> Lut:
        """Return a table with the effect of this one at a strength from 0 to 1."""
        check_strength(strength)
        if strength == 1:
            return self  # bit-exact
        identity = self.grid()
        return Lut(identity + np.float32(strength) * (self.table - identity))

    def grid(self) -> NDArray[np.float32]:
        """Return the input colors (N, N, N, 3) of the table; as a table, they are the identity."""
        return _identity(self.size)

    def save(self, path: str | os.PathLike[str], *, size: int | None = None) -> None:
        """Write a .cube file, with red varying fastest.

        Args:
            path: The file's name.
            size: Points per axis, by default the table's; editors expect 17, 33 or 65.

        Raises:
            PictureError: The name does not end in .cube, the size is not allowed, or the file cannot be
                written.
        """
        check_name(path)
        write_file(path, (self if size is None else self.resized(size)).encode())

    def encode(self) -> bytes:
        """Return the content of the .cube file."""
        head = f"# {self.note}\n" if self.note else ""
        head += f'TITLE "cdtnet"\nLUT_3D_SIZE {self.size}\nDOMAIN_MIN 0.0 0.0 0.0\nDOMAIN_MAX 1.0 1.0 1.0\n'
        lines = [f"{r:.7f} {g:.7f} {b:.7f}\n" for r, g, b in self.table.reshape(-1, 3).tolist()]
        return (head + "".join(lines)).encode("ascii")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Lut:
        """Read a .cube file with a 3D table over the domain 0..1.

        Raises:
            PictureError: The file cannot be read, is not such a table, or is incomplete.
        """
        try:
            check_regular(path)
            if os.path.getsize(path) > _BYTES:
                raise PictureError(f"{path} is too large for a lookup table; check the name.")
            text = Path(path).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise PictureError(f"{path} cannot be read ({error.strerror}); check the name.") from error
        except UnicodeDecodeError as error:
            raise PictureError(
                f"{path} is not a text file; give a lookup table in the .cube format."
            ) from error
        return cls(_parse(text, str(path)))


def check_name(path: str | os.PathLike[str]) -> None:
    """Refuse a name that other programs would not recognize as a table."""
    if Path(path).suffix.lower() != ".cube":
        raise PictureError(f"{path} is not a name for a lookup table; use a name that ends in .cube.")


def check_strength(strength: float) -> None:
    """Refuse a strength that is not from 0 to 1."""
    if not 0.0 <= strength <= 1.0:
        raise PictureError(f"The strength must be between 0 and 1, not {strength}.")


def _identity(size: int) -> NDArray[np.float32]:
    """Return the table that maps every color to itself."""
    axis = np.linspace(0, 1, size, dtype=np.float32)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([red, green, blue], axis=-1)


def _parse(text: str, name: str) -> NDArray[np.float32]:
    size, values = 0, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split() if not line.startswith("TITLE") else []
        if not words:
            continue
        if words[0] == "LUT_3D_SIZE" and not size and len(words) == 2 and words[1].isdecimal():
            size = int(words[1][:9])
            if size not in _SIZES:
                raise PictureError(f"{name} declares {size} grid points per axis; 2 to 256 are allowed.")
        elif words[0] in ("DOMAIN_MIN", "DOMAIN_MAX", "LUT_3D_INPUT_RANGE"):
            _check_domain(words, f"{name}, line {number}")
        elif words[0][0] in "+-.0123456789" and len(words) == 3 and size and len(values) < 3 * size**3:
            values += words
        else:
            raise PictureError(
                f"{name}, line {number} does not belong in a 3D .cube table: {line.strip()[:60]!r}."
            )
    if not size or len(values) != 3 * size**3:
        raise PictureError(
            f"{name} contains {len(values) // 3:,} of the {size**3:,} colors it declares; get the file again."
        )
    try:
        return np.array(values, dtype=np.float32).reshape(size, size, size, 3)
    except ValueError as error:
        raise PictureError(f"{name} contains an invalid number ({error}); get the file again.") from error


def _check_domain(words: list[str], where: str) -> None:
    wanted = {"DOMAIN_MIN": [0.0] * 3, "DOMAIN_MAX": [1.0] * 3, "LUT_3D_INPUT_RANGE": [0.0, 1.0]}[words[0]]
    try:
        fits = [float(word) for word in words[1:]] == wanted
    except ValueError:
        fits = False
    if not fits:
        raise PictureError(
            f"{where} declares a domain other than 0 to 1, which is not supported; export it again."
        )
