"""Killed at any moment, a command loses nothing: real processes, ended by signals at random points.

    python reliability/kill.py --kills 60

Half of the signals come at any time, half while a file is being written. After each, the file that was there
is the old one or the new one, byte for byte; the inputs are as they were; and the same command, started
again, ends with the same bytes as one that was never killed, and with nothing left beside them.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from commands import BATCH, COMMANDS, TRAIN, Command, Run, digests, leftovers, write_inputs
from trials import BatchTrial, Row, TrainTrial, Trial

SIGNALS = {"SIGKILL": signal.SIGKILL, "Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM}


def main() -> int:
    """The table; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=60, help="of each command (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signals", nargs="+", choices=SIGNALS, default=["SIGKILL"])
    names = [command.name for command in (*COMMANDS, BATCH, TRAIN)]
    parser.add_argument("commands", nargs="*", choices=[[], *names], help="some of them (default: all)")
    arguments = parser.parse_args()
    print("| command | kills | old whole | new whole | half-written | lost | temporaries | made twice |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    broken = 0
    with tempfile.TemporaryDirectory(prefix="kill-") as place:
        folder = Path(place) / "work"
        folder.mkdir()
        write_inputs(folder)
        for command in (*COMMANDS, BATCH, TRAIN):
            for name in arguments.signals:
                if command.name in (arguments.commands or names):
                    row = kill(command, folder, arguments.kills, name, Random(arguments.seed))
                    print(row, flush=True)
                    broken += row.half + row.lost
    return 1 if broken else 0


def kill(command: Command, folder: Path, kills: int, name: str, random: Random) -> Row:
    """End so many processes of one command by a signal; what was found after each.

    Args:
        command: The command.
        folder: With `write_inputs`; its `out` is emptied.
        kills: How many.
        name: The signal's, of SIGNALS.
        random: Draws the moments.
    """
    row = Row(command.name if name == "SIGKILL" else f"{command.name}, {name}")
    trial = {"batch": BatchTrial, "train": TrainTrial}.get(command.name, Trial)(command, folder, row)
    while row.kills < kills:
        code = end(trial.start(), SIGNALS[name], random, trial.duration, folder)
        ended = row.kills
        row.kills += code not in (0, None)
        if row.kills > ended:
            trial.after_kill(clean=name != "SIGKILL")
            row.lost += code != (-signal.SIGKILL if name == "SIGKILL" else 130)
        row.lost += trial.inputs != digests(folder)
        trial.go_on(last=row.kills == kills)
    return row


def end(run: Run, number: int, random: Random, duration: float, folder: Path) -> int | None:
    """Send a signal at a random moment; the exit code. A process that was faster than it ends with 0."""
    if random.random() < 0.5:
        run.process.join(random.uniform(0, duration))
    else:
        while run.process.exitcode is None and not leftovers(folder / "out"):
            time.sleep(0.0005)
        run.process.join(random.uniform(0, 0.02))
    if run.process.exitcode is None and run.process.pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(run.process.pid, number)
    return run.end()


if __name__ == "__main__":
    sys.exit(main())
