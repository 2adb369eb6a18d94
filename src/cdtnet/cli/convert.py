"""`cdtnet convert`: turn an official CDTNet or iSSAM checkpoint into safetensors."""

import argparse
from pathlib import Path

from .options import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help=".pth of CDTNet or iSSAM")
    parser.add_argument("output", metavar="OUTPUT", type=Path, help="the .safetensors to write")
    parser.add_argument("--base-size", type=int, help="side at which pictures are analysed (default: 256)")


def run(arguments: argparse.Namespace) -> None:
    """Read without running code, check every entry, write; the path written is the one line on stdout."""
    from ..errors import WeightsError
    from ..weights import load_model, read_weights, write_weights

    if arguments.output.suffix != ".safetensors":
        raise WeightsError(f"{arguments.output} must end in .safetensors.")
    model = load_model(arguments.checkpoint, base_size=arguments.base_size)
    card = read_weights(arguments.checkpoint)[1]
    write_weights(arguments.output, model, {**card, "origin": f"converted from {arguments.checkpoint.name}"})
    config = model.config
    count = sum(parameter.numel() for parameter in model.parameters())
    say(f"{config.variant}, base size {config.base_size}, {count:,} parameters")
    print(arguments.output)
