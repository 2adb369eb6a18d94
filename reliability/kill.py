"""Kill real processes at random points, and check that no command loses data.

    python reliability/kill.py --kills 60

Half of the signals come at any time, half while a file is being written. After each, the output must be the
old or the new file, byte for byte, and the inputs must be unchanged. The same command, run again, must write
the same bytes as one that was never killed, and leave no other file.
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
    """Print the table; return 1 if a promise was broken."""
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
    """Kill processes of one command, and return the outcomes.

    Args:
        command: The command to run.
        folder: A folder with the files of `write_inputs`; its `out` is emptied.
        kills: The number of processes.
        name: The name of the signal, one of SIGNALS.
        random: The generator of the random moments.
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
    """Send a signal at a random moment; return the exit code, which is 0 if the process ended earlier."""
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
