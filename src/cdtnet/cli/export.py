"""`cdtnet export`: export a model as ONNX graphs for other runtimes."""

import argparse
from pathlib import Path

from ..errors import needs
from ..system.atomic import make_folder, write_file
from .outputs import prepare_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "model", metavar="MODEL", help="cdtnet-256, cdtnet-512, cdtnet-sim, is2am, or a weights file"
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="folder to write to; created if missing")
    parser.add_argument("--base-size", type=int, help="side of the analysis in pixels (default: the model's)")
    parser.add_argument(
        "--bare",
        action="store_true",
        help="write only the sub-graphs, with weights as inputs, as the package ships them",
    )


def run(arguments: argparse.Namespace) -> None:
    """Make and write the graphs; print the written paths to stdout."""
    from ..weights import load_weights

    weights = load_weights(arguments.model, arguments.base_size)
    with needs("export", "Exporting"):
        from ..engines.export import export, export_bare
        from ..model.loading import build
    make_folder(arguments.folder)
    model = build(weights)
    graphs = export_bare(model) if arguments.bare else export(model, weights.card)
    for name, graph in graphs.items():
        path = arguments.folder / f"{name}.onnx"
        prepare_output(path, [arguments.model])
        write_file(path, graph.SerializeToString(deterministic=True))
        print(path)
