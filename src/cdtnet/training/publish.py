"""Turn a run into weights to ship.

python -m cdtnet.training.publish RUN OUTPUT --training "on what, how long" --licence "…" [--scores JSON]
"""

import argparse
import json
from pathlib import Path

from ..errors import CdtnetError
from ..weights import write_weights
from ..weights.loading import build
from .checkpoint import averaged_weights
from .stages import PLANS


def main() -> None:
    """Parse the command line and write the run's averaged weights with their card."""
    parser = argparse.ArgumentParser(prog="python -m cdtnet.training.publish", description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--plan", choices=PLANS, default="cdtnet-256")
    parser.add_argument("--training", required=True, help="what the weights were trained on, for how long")
    parser.add_argument("--licence", required=True)
    parser.add_argument("--scores", type=Path, help="JSON written by benchmarks/quality.py")
    parser.add_argument("--half", action="store_true", help="store 16-bit floats")
    arguments = parser.parse_args()
    try:
        publish(arguments)
    except CdtnetError as error:
        parser.exit(1, f"{error}\n")


def publish(arguments: argparse.Namespace) -> None:
    """Write the weights as the command line says."""
    model = build(PLANS[arguments.plan].config, averaged_weights(arguments.run), str(arguments.run))
    scores = json.loads(arguments.scores.read_text(encoding="utf-8")) if arguments.scores else {}
    card = {"training": arguments.training, "licence": arguments.licence, "scores": scores}
    write_weights(arguments.output, model, card, half=arguments.half)


if __name__ == "__main__":
    main()
