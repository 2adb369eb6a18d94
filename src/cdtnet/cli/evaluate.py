"""`cdtnet evaluate`: score models and classical methods on composites with known real images."""

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..errors import CdtnetError, needs
from ..evaluation.names import BASELINES, label_of
from ..system.atomic import write_file
from ..system.progress import bar
from ..system.signals import StopSignal
from .options import count, say
from .outputs import check_apart, prepare_output

if TYPE_CHECKING:
    from ..datasets.samples import DataSet
    from ..evaluation.methods import Method
    from ..evaluation.results import Cost, Evaluation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    add = parser.add_argument
    add("data", metavar="DATA", type=Path, help="folder, zip or tar of composites, masks and real images")
    add(
        "--model",
        action="append",
        metavar="NAME_OR_FILE",
        help="model; may be repeated (default: cdtnet-256)",
    )
    add(
        "--baseline",
        action="extend",
        nargs="+",
        choices=BASELINES,
        default=[],
        help="methods to compare with",
    )
    add(
        "--results",
        action="append",
        type=_results,
        default=[],
        metavar="NAME=FOLDER",
        help="results of another method for these composites, under their names; may be repeated",
    )
    add(
        "--size",
        type=_size,
        default=256,
        help="side of the squares to which pictures are resized, as published, or full (default: 256)",
    )
    add(
        "--split",
        choices=("train", "test"),
        help="split to score (default: test, or all if the data set has no lists)",
    )
    add(
        "--subsets",
        action="extend",
        nargs="+",
        metavar="NAME",
        help="sub-sets to score, such as HAdobe5k (default: all)",
    )
    add("--limit", type=count, metavar="N", help="score only N evenly spaced composites")
    add("--layout", default="auto", help="layout of the data set, if it is not recognized (default: auto)")
    add(
        "--damaged",
        choices=("skip", "fail"),
        default="skip",
        help="name and skip unreadable files, or stop (default: skip)",
    )
    add("--whole-frame", action="store_true", help="score the network's whole output, as published")
    add("--efficiency", action="store_true", help="also measure time, memory and operations")
    add("--device", default="auto", help="device of networks: auto, cpu, cuda, mps (default: auto)")
    add("--markdown", action="store_true", help="print tables as Markdown")
    add("--journal", type=Path, metavar="FILE", help="store scores as they are computed, to resume")
    add("--json", type=Path, metavar="FILE", help="write all results as JSON")
    add("--csv", type=Path, metavar="FILE", help="write the scores of each picture as CSV")
    add("--report", type=Path, metavar="FILE.html", help="write a page with plots and pictures")


def run(arguments: argparse.Namespace) -> None:
    """Score, print the tables, and write the requested files."""
    with needs("evaluate", "Evaluating"):
        from ..evaluation.methods import load_method, published_results
        from ..evaluation.report import write_report
        from ..evaluation.running import examples
        from ..evaluation.tables import tables
    _prepare(arguments)
    names = _names(arguments)
    methods = {
        label: load_method(name, arguments.device, whole_frame=arguments.whole_frame)
        for label, name in names.items()
    }
    for label, folder in arguments.results:
        if label in methods:
            raise CdtnetError(f"Two methods have the name {label}; give them different names.")
        methods[label] = published_results(folder)
    dataset, split = _dataset(arguments)
    costs = _costs(arguments, names) if arguments.efficiency else ()
    hashes = _hashes(names, dataset)
    evaluation = _evaluation(arguments, dataset, methods, split=split, costs=costs, sha256=hashes)
    print("\n".join(t.markdown() if arguments.markdown else t.text() for t in tables(evaluation)), end="")
    if arguments.json:
        write_file(arguments.json, evaluation.to_json().encode())
    if arguments.csv:
        write_file(arguments.csv, evaluation.to_csv().encode())
    if arguments.report:
        write_report(evaluation, list(examples(evaluation, dataset.samples, methods)), arguments.report)


def _prepare(arguments: argparse.Namespace) -> None:
    """Refuse outputs that are also inputs: the data set, one of its pictures, or a model."""
    from ..datasets.samples import open_dataset

    outputs = [path for path in (arguments.json, arguments.csv, arguments.report) if path]
    check_apart([*outputs, *([arguments.journal] if arguments.journal else [])])
    inputs = [str(arguments.data), *(arguments.model or [])]
    if any(path.exists() for path in outputs):
        samples = open_dataset(arguments.data, layout=arguments.layout).samples
        entries = (entry for sample in samples for entry in (sample.composite, sample.mask, sample.real))
        inputs += [str(entry) for entry in entries if entry]
    for path in outputs:
        prepare_output(path, inputs)


def _evaluation(
    arguments: argparse.Namespace, dataset: "DataSet", methods: "dict[str, Method]", **about: Any
) -> "Evaluation":
    from ..evaluation.running import circumstances, evaluate

    with StopSignal() as signal:  # an exception inside callbacks of libvips would be lost
        return evaluate(
            dataset,
            methods,
            arguments.size,
            damaged=arguments.damaged,
            say=say,
            stopped=lambda: signal.received,
            journal=arguments.journal,
            whole_frame=arguments.whole_frame,
            command=shlex.join(["cdtnet", *sys.argv[1:]]),
            **circumstances(methods),
            **about,
        )


def _names(arguments: argparse.Namespace) -> dict[str, str]:
    """Map labels to names of methods: the composite, models, then baselines."""
    names: dict[str, str] = {}
    for name in dict.fromkeys(("composite", *(arguments.model or ["cdtnet-256"]), *arguments.baseline)):
        label = label_of(name)
        names[name if label in names else label] = name
    return names


def _hashes(names: dict[str, str], dataset: "DataSet") -> dict[str, str]:
    """Return the SHA-256 of each weights file, and one over the data set's files."""
    import hashlib

    from ..inference.provenance import file_sha256
    from ..weights.loading import weights_file

    files = {label: weights_file(name) for label, name in names.items() if name not in BASELINES}
    hashes = {label: file_sha256(path) for label, path in files.items()}
    digest = hashlib.sha256()
    with bar(dataset.samples, description="hashing", unit="composites") as samples:
        for sample in samples:
            for entry in (sample.composite, sample.mask, sample.real):
                if entry is not None and entry.exists():
                    digest.update(hashlib.sha256(entry.read()).digest())
    return {**hashes, "data": digest.hexdigest()}


def _results(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not (name and separator and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=FOLDER")
    return name, Path(folder)


def _costs(arguments: argparse.Namespace, names: dict[str, str]) -> "tuple[Cost, ...]":
    """Measure the costs of methods, before scoring, so that a failure loses no scores."""
    from ..evaluation.costs import PICTURES, measure_costs

    sizes = ", ".join(f"{width}×{height}" for height, width in PICTURES)
    say(f"Measuring the cost of each method for a picture of {sizes}.")
    measured = {label: name for label, name in names.items() if name != "composite"}
    return tuple(measure_costs(measured, arguments.device, PICTURES))


def _dataset(arguments: argparse.Namespace) -> "tuple[DataSet, str]":
    """Open the samples to score, and return their split."""
    from ..datasets.samples import open_dataset

    def find(split: str | None) -> "DataSet":
        return open_dataset(arguments.data, layout=arguments.layout, split=split, subsets=arguments.subsets)

    split = arguments.split
    dataset = find(split)
    if split is None and any(sample.split == "test" for sample in dataset.samples):
        dataset, split = find("test"), "test"
    for note in dataset.notes:
        say(note)
    if arguments.limit and arguments.limit < len(dataset.samples):
        count = len(dataset.samples)
        picked = (dataset.samples[i * count // arguments.limit] for i in range(arguments.limit))
        dataset = replace(dataset, samples=tuple(picked))
    return dataset, split or ""


def _size(text: str) -> int | Literal["full"]:
    if text == "full":
        return "full"
    if not text.isdecimal() or int(text) < 16:
        raise argparse.ArgumentTypeError(f"{text!r} is neither full nor an integer of 16 or more")
    return int(text)
