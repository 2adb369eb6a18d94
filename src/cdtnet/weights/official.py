"""Conversion of the names of entries in published checkpoints.

CDTNet checkpoints (bcmi/CDTNet-High-Resolution-Image-Harmonization) contain encoder, decoder, lut and refine;
iSSAM checkpoints (saic-vul/image_harmonization, iS2AM) contain the first two, under the same names.
"""

import re

import numpy as np

from ..errors import WeightsError
from .storage import Entries

# Rules: a pattern of official names, and its replacement. The first match applies.
_BLOCK = r"block\.(\d)\.block\.(\d)\.(\w+)"
_RULES = [
    (rf"encoder\.block([01])\.convs\.{_BLOCK}", r"generator.encoder.levels.\1.\2.\3.\4"),
    (rf"encoder\.blocks_connected\.block(\d)\.convs\.{_BLOCK}", r"generator.encoder.levels.\1.\2.\3.\4"),
    (r"decoder\.up_blocks\.(\d)\.upconv\.1\.block\.(\d)\.(\w+)", r"generator.up_blocks.\1.up.\2.\3"),
    (rf"decoder\.up_blocks\.(\d)\.convs\.{_BLOCK}", r"generator.up_blocks.\1.convs.\2.\3.\4"),
    (
        r"decoder\.up_blocks\.2\.attention\.(\w+)_gate\.attention_transform\.(\d)\.(\w+)",
        r"generator.up_blocks.2.attention.\1_gate.weigh.\2.\3",
    ),
    (
        r"decoder\.up_blocks\.2\.attention\.learning_block\.(\d)\.block\.(\d)\.(\w+)",
        r"generator.up_blocks.2.attention.foreground_path.\1.\2.\3",
    ),
    (
        r"decoder\.up_blocks\.2\.attention\.mask_blurring\.weight",
        r"generator.up_blocks.2.attention.mask_blur",
    ),
    (r"decoder\.conv_attention\.(\w+)", r"generator.blend.gate.\1"),
    (r"decoder\.to_rgb\.(\w+)", r"generator.blend.rgb.\1"),
    (r"lut\.classifier\.conv\.(\w+)", r"color_mapping.project.\1"),
    (r"lut\.classifier\.fc\.(\w+)", r"color_mapping.weigh.\1"),
    (r"refine\.block\.(\d)\.(\w+)", r"refinement.convs.\1.\2"),
    (r"refine\.conv_attention\.(\w+)", r"refinement.blend.gate.\1"),
    (r"refine\.to_rgb\.(\w+)", r"refinement.blend.rgb.\1"),
]
_BASIS_LUT = re.compile(r"lut\.LUT(\d+)\.LUT")


def is_official(entries: Entries) -> bool:
    """Check whether the entries have a published checkpoint's names."""
    return any(name.startswith(("encoder.", "decoder.")) for name in entries)


def from_official(entries: Entries) -> Entries:
    """Rename the entries; the N tables `lut.LUTi.LUT` become one `color_mapping.basis`.

    Unknown names are kept, so that the loader reports them.

    Raises:
        WeightsError: A basis LUT is missing, or their shapes differ.
    """
    renamed: Entries = {}
    basis = {}
    for name, value in entries.items():
        if match := _BASIS_LUT.fullmatch(name):
            basis[int(match[1])] = value
        else:
            renamed[_rename(name)] = value
    if basis:
        if sorted(basis) != list(range(len(basis))):
            raise WeightsError(f"The checkpoint's basis LUTs are numbered {sorted(basis)}; one is missing.")
        if len({table.shape for table in basis.values()}) > 1:
            raise WeightsError("The checkpoint's basis LUTs differ in shape.")
        renamed["color_mapping.basis"] = np.stack([basis[i] for i in range(len(basis))])
    return renamed


def _rename(name: str) -> str:
    for pattern, replacement in _RULES:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, replacement, name)
    return name
