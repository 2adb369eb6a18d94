"""The methods that can be compared, by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from ..config import STRIDE
from ..datasets.samples import Arrays, read_colors, resize_arrays
from ..datasets.tree import Entry, open_tree
from ..engines.pytorch import TorchEngine
from ..errors import DataError
from ..inference.harmonizer import Harmonizer
from ..model import CDTNet, load_model
from ..model.layers import denormalize, normalize
from .baselines import histogram_matching, mkl, reinhard
from .names import BASELINES
from .poisson import poisson_blending

Array = NDArray[np.floating[Any]]
Harmonize = Callable[[Array, Array], Array]

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"}

CLASSICAL: dict[str, Harmonize] = {
    "composite": lambda composite, _: composite,
    "reinhard": reinhard,
    "histogram": histogram_matching,
    "mkl": mkl,
    "poisson": poisson_blending,
}


@dataclass(frozen=True)
class Method:
    """A harmonization method, ready to use.

    Attributes:
        harmonize: A function from a composite (H,W,3), sRGB floats 0..1, and a mask (H,W), 0..1, to a picture
            (H,W,3), 0..1, not rounded.
        network: Its network; None for classical methods.
        folder: The folder of its results, if another program made them; then `harmonize` is not called.
    """

    harmonize: Harmonize
    network: CDTNet | None = None
    folder: Results | None = None

    def output(self, name: str, arrays: Arrays) -> Array:
        """Harmonize a sample, or read its result from the folder by name: (H,W,3), 0..1.

        Raises:
            DataError: There is no such result, or it has another size.
        """
        if self.folder is not None:
            return self.folder.read(name, arrays)
        composite, mask = arrays.composite / np.float32(255), arrays.mask / np.float32(255)
        return self.harmonize(composite, mask)


class Results:
    """Pictures that were made by other programs, in a folder, with the names of the composites.

    Args:
        root: The folder, in which they have the composites' paths, or their names in any sub-folder; with any
            suffix.

    Raises:
        DataError: There is no such folder, or it contains no pictures.
    """

    def __init__(self, root: Path):
        if not root.is_dir():
            raise DataError(f"There is no folder {root} of results.")
        self.tree = open_tree(root)
        self.by_path: dict[str, str] = {}
        self.by_name: dict[str, list[str]] = {}
        for path in self.tree.files():
            if PurePosixPath(path).suffix.lower() in SUFFIXES:
                stem = PurePosixPath(path).with_suffix("")
                self.by_path[str(stem)] = path
                self.by_name.setdefault(stem.name, []).append(path)
        if not self.by_path:
            raise DataError(f"The folder {root} contains no pictures.")

    def read(self, name: str, arrays: Arrays) -> Array:
        """Read the result of a composite, resized from the original size to the sample's.

        Raises:
            DataError: There is none, more than one, or it has another size.
        """
        stem = PurePosixPath(name).with_suffix("")
        exact = self.by_path.get(str(stem))
        found = [exact] if exact else self.by_name.get(stem.name, [])
        if len(found) != 1:
            problem = "has no picture for" if not found else f"has {len(found)} pictures for"
            raise DataError(f"The folder {self.tree.root} {problem} {name}.")
        picture = read_colors(Entry(self.tree, found[0]))
        height, width = arrays.mask.shape
        if picture.shape[:2] != (height, width):
            if height != width:
                raise DataError(
                    f"{found[0]} in {self.tree.root} is {picture.shape[1]}×{picture.shape[0]} pixels, "
                    f"and its composite {width}×{height}."
                )
            blank = np.zeros(picture.shape[:2], np.uint8)
            picture = resize_arrays(Arrays(picture, blank, None), height).composite
        return picture / np.float32(255)


def published_results(folder: Path) -> Method:
    """Make a method from published results.

    Raises:
        DataError: There is no such folder, or it contains no pictures.
    """
    return Method(CLASSICAL["composite"], folder=Results(folder))


def load_method(name: str, device: str = "auto", *, whole_frame: bool = False) -> Method:
    """Load a method.

    Args:
        name: One of `names.BASELINES`, the name of a shipped model, or a file of weights.
        device: "auto", "cpu", "cuda" or another; for networks.
        whole_frame: Whether to return a network's whole frame as published, not composited with the mask.

    Raises:
        WeightsError: There are no such weights, or they do not fit.
    """
    if name in CLASSICAL:
        return Method(CLASSICAL[name])
    network = load_model("is2am" if name in BASELINES else name)
    harmonizer = Harmonizer(network, device)
    assert isinstance(harmonizer.engine, TorchEngine)
    network = network.to(harmonizer.engine.device).channels_last()
    if name == "is2am-full":
        return Method(_at_full_size(network, whole_frame), network)

    def harmonize(composite: Array, mask: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # for masks without foreground or background
            image: Array = harmonizer(composite, mask, whole_frame=whole_frame).image
        return image

    return Method(harmonize, network)


def _at_full_size(network: CDTNet, whole_frame: bool) -> Harmonize:
    """Run the generator alone on the picture at full size.

    The picture is not resized: up to 7 rows and columns are repeated at the bottom and the right, until the
    sides are multiples of 8, and cropped again. Memory grows with the picture.
    """

    @torch.inference_mode()
    def harmonize(composite: Array, mask: Array) -> Array:
        height, width = mask.shape
        stacked = np.concatenate((composite, mask[..., None]), axis=2, dtype=np.float32)
        both = torch.from_numpy(stacked).permute(2, 0, 1)[None].to(next(network.parameters()).device)
        both = F.pad(both, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        image, soft = normalize(both[:, :3]), both[:, 3:]
        levels = network.generator.encoder(torch.cat((image, soft), dim=1))
        painted = denormalize(network.generator.decode(image, soft, levels)[0])[0, :, :height, :width]
        result = painted.permute(1, 2, 0).cpu().numpy().clip(0, 1)
        return result if whole_frame else composite + mask[..., None] * (result - composite)

    return harmonize
