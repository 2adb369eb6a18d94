"""Other networks for high resolution, as their authors' repositories compute them; see speed.py.

--peers PATH is a folder of checkouts under the repositories' own names, with the packages that they need:

    PCT-Net-Image-Harmonization    github.com/rakutentech
    Harmonizer                     github.com/ZHKKKe

Their weights are random, which does not change the time. Measured is the code of their own scripts for a
picture in memory, from 8 bits to 8 bits.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PEERS = "CDTNET_PEERS"  # variable of the environment that names the folder
BASE = (256, 256)  # that they look at

Pixels = NDArray[np.uint8]
Run = Callable[[Pixels, Pixels], Pixels]


def peers() -> dict[str, Callable[[], Run]]:
    """Return the networks whose code is in the folder, by name."""
    found: dict[str, Callable[[], Run]] = {}
    if PEERS in os.environ:
        folder = Path(os.environ[PEERS])
        pct_nets, harmonizers = folder / "PCT-Net-Image-Harmonization", folder / "Harmonizer"
        if pct_nets.is_dir():
            found["PCT-Net CNN, PyTorch"] = partial(pct_net, pct_nets, "CNN_pct")
            found["PCT-Net ViT, PyTorch"] = partial(pct_net, pct_nets, "ViT_pct")
        if harmonizers.is_dir():
            found["Harmonizer, PyTorch"] = partial(harmonizer, harmonizers)
        if not found:
            sys.exit(f"{folder} holds neither {pct_nets.name} nor {harmonizers.name}.")
    return found


def pct_net(repository: Path, kind: str) -> Run:
    """Return PCT-Net (Guerreiro et al., CVPR 2023)."""
    sys.path.insert(0, str(repository))
    import torch
    from iharm.inference.predictor import Predictor
    from iharm.mconfigs import ALL_MCONFIGS
    from PIL import Image

    entry = ALL_MCONFIGS[kind]
    settings = entry["params"]
    network = entry["model"](**settings)
    scale = settings["input_normalization"]
    predictor = Predictor(network, torch.device("cpu"), use_attn=settings["use_attn"], **scale)

    def small(pixels: Pixels) -> Pixels:
        return np.asarray(Image.fromarray(pixels).resize(BASE, Image.Resampling.BILINEAR))

    def run(composite: Pixels, mask: Pixels) -> Pixels:
        soft = mask / 255
        painted = predictor.predict(small(composite), composite, small(mask) / 255, soft)[1]
        return painted.astype(np.uint8)

    return run


def harmonizer(repository: Path) -> Run:
    """Return Harmonizer (Ke et al., ECCV 2022)."""
    sys.path.insert(0, str(repository))
    import torch
    from src.model import Harmonizer

    network = Harmonizer().eval()

    @torch.no_grad()
    def run(composite: Pixels, mask: Pixels) -> Pixels:
        image = torch.from_numpy(composite).permute(2, 0, 1)[None] / 255
        soft = torch.from_numpy(mask)[None, None] / 255
        painted = network.restore_image(image, soft, network.predict_arguments(image, soft))[-1]
        return (painted[0].permute(1, 2, 0) * 255).byte().numpy()

    return run
