"""`cdtnet convert`: convert a CDTNet or iSSAM checkpoint, or your own weights, to safetensors."""

import argparse
from pathlib import Path

from ..errors import WeightsError, needs
from .options import say
from .outputs import add_overwrite, prepare_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        type=Path,
        help="a .pth of CDTNet or iSSAM, a .safetensors file, a run's checkpoint.pt, or a saved state_dict",
    )
    parser.add_argument("output", metavar="OUTPUT", type=Path, help=".safetensors file to write")
    parser.add_argument("--base-size", type=int, help="side of the analysis in pixels (default: 256)")
    parser.add_argument(
        "--like",
        metavar="MODEL",
        help="model or weights file with the same configuration, if CHECKPOINT has none",
    )
    parser.add_argument("--half", action="store_true", help="store 16-bit floats: half the size")
    parser.add_argument(
        "--card", type=Path, help="JSON file with the card of the weights: training, licence, scores, …"
    )
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> None:
    """Read without running code, check all entries, and write; print the written path to stdout."""
    with needs("torch", "Converting"):
        from ..model.loading import build
    from ..weights import load_weights, write_weights

    if arguments.output.suffix != ".safetensors":
        raise WeightsError(f"{arguments.output} must end in .safetensors.")
    inputs = [arguments.checkpoint, *([arguments.card] if arguments.card else [])]
    prepare_output(arguments.output, inputs, overwrite=arguments.overwrite)
    like = load_weights(arguments.like).config if arguments.like else None
    weights = load_weights(arguments.checkpoint, arguments.base_size, like)
    model = build(weights)
    origin = (
        {} if weights.card.keys() - {"config"} else {"origin": f"converted from {arguments.checkpoint.name}"}
    )
    card = {**origin, **weights.card, **(_read_card(arguments.card) if arguments.card else {})}
    write_weights(arguments.output, model, card, half=arguments.half)
    config = model.config
    count = sum(parameter.numel() for parameter in model.parameters())
    say(f"{config.variant}, base size {config.base_size}, {count:,} parameters")
    print(arguments.output)


def _read_card(path: Path) -> dict[str, object]:
    import json

    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"The card {path} cannot be read as JSON: {error}.") from error
    if not isinstance(card, dict):
        raise WeightsError(f"The card {path} is not a JSON object.")
    return card
