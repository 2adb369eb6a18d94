"""Commands that are killed repeatedly, and comparisons after each kill."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from commands import Command, Run, digests, leftovers

EVERY = 4  # number of kills after which a command that writes one file is run to its end


@dataclass
class Row:
    """The outcome of killing one command.

    Attributes:
        name: The names of the command and the signal.
        kills: The number of killed processes.
        old: The number of kills after which the old file existed.
        new: The number of kills after which the new file existed.
        half: The number of kills after which another file, or none, existed.
        lost: How often an input had changed, or the command ended with an error or other bytes.
        left: The number of temporary files that were left until the command was run again.
        again: The number of pictures that were computed twice.
    """

    name: str
    kills: int = 0
    old: int = 0
    new: int = 0
    half: int = 0
    lost: int = 0
    left: int = 0
    again: int = 0

    def __str__(self) -> str:
        figures = (self.kills, self.old, self.new, self.half, self.lost, self.left, self.again)
        return f"| {self.name} | {' | '.join(f'{figure:,}' for figure in figures)} |"


class Trial:
    """A command that replaces one file, started repeatedly.

    Attributes:
        duration: Seconds that the last complete run took.
        inputs: The digests of the inputs.
    """

    def __init__(self, command: Command, folder: Path, row: Row) -> None:
        self.command, self.folder, self.row = command, folder, row
        self.output, self.inputs = folder / command.output, digests(folder)
        self.empty()
        self.finish()
        self.whole = self.result()
        self.reset()

    def empty(self) -> None:
        """Empty the output folder."""
        shutil.rmtree(self.folder / "out")
        (self.folder / "out").mkdir()

    def reset(self) -> None:
        """Restore the old file."""
        self.output.write_bytes(b"old " * 1000)
        self.old = self.result()

    def start(self) -> Run:
        """Start the command and return its process."""
        return Run(self.command.words, self.folder)

    def finish(self) -> None:
        """Run the command to its end."""
        run, begun = self.start(), time.monotonic()
        code = run.end()
        self.duration = time.monotonic() - begun
        if code:
            raise SystemExit(f"{self.row.name} ended with {code}: {run.said()}")

    def result(self) -> dict[str, bytes]:
        """Return what the command has written, by name."""
        return {self.output.name: self.output.read_bytes()} if self.output.exists() else {}

    def after_kill(self, *, clean: bool) -> None:
        """Classify the files after a kill; if `clean`, no temporary file may be left."""
        self.count_leftovers(clean=clean)
        found = self.result()
        self.row.old += found == self.old
        self.row.new += found == self.whole
        self.row.half += found not in (self.old, self.whole)

    def count_leftovers(self, *, clean: bool) -> None:
        """Count temporary files; none may be left if `clean`."""
        left = len(leftovers(self.folder))
        self.row.left += left
        self.row.lost += clean and left > 0

    def go_on(self, *, last: bool) -> None:
        """Run the command again, to its end after every few kills, and compare."""
        if last or self.row.kills % EVERY == 0:
            self.finish()
            self.row.lost += self.result() != self.whole or len(leftovers(self.folder)) > 0
        self.reset()


class BatchTrial(Trial):
    """A batch that replaces the results of other masks, and is killed several times before it ends."""

    def __init__(self, command: Command, folder: Path, row: Row) -> None:
        masks = {path: path.read_bytes() for path in (folder / "in").glob("*_mask.png")}
        for path in masks:
            path.write_bytes((folder / "other_mask.png").read_bytes())
        self.command, self.folder, self.row, self.output = command, folder, row, folder / command.output
        self.empty()
        self.finish()
        self.kept = folder.with_name("results")
        shutil.rmtree(self.kept, ignore_errors=True)  # from a previous trial
        shutil.copytree(self.output, self.kept)
        for path, content in masks.items():
            path.write_bytes(content)
        super().__init__(command, folder, row)

    def reset(self) -> None:
        """Restore the results of the old masks."""
        self.empty()
        shutil.copytree(self.kept, self.output)
        self.old, self.listed = self.result(), self._listed()
        self.made: dict[str, int] = {}

    def result(self) -> dict[str, bytes]:
        """Return the pictures."""
        return {path.name: path.read_bytes() for path in self.output.glob("[!.]*.png")}

    def after_kill(self, *, clean: bool) -> None:
        """Check that each picture is the old or the new one, and that listed ones are not computed again."""
        self.count_leftovers(clean=clean)
        found, listed = self.result(), self._listed()
        new = {name for name in found if found[name] == self.whole[name]}
        self.row.old += len(new) < len(self.whole)
        self.row.new += len(new) == len(self.whole)
        self.row.half += any(found.get(name) not in (self.old[name], self.whole[name]) for name in self.whole)
        made = {name for name in listed if listed[name] != self.listed[name]}
        self.row.again += len(new - made)
        self._compare(made)

    def go_on(self, *, last: bool) -> None:
        """Leave the rest to the next process, unless the batch has ended."""
        if last or self.result() == self.whole:
            self.finish()
            self._compare(set(self.whole))
            self.row.lost += self.result() != self.whole or len(leftovers(self.folder)) > 0
            self.reset()

    def _compare(self, made: set[str]) -> None:
        times = {name: (self.output / name).stat().st_mtime_ns for name in made}
        self.row.lost += sum(times.get(name) != time for name, time in self.made.items())
        self.made = times

    def _listed(self) -> dict[str, str]:
        """Return the digest of the inputs that the table lists for each picture."""
        lines = (self.output / "results.jsonl").read_bytes().split(b"\n")[:-1]
        return {record["output"]: record["inputs"] for record in map(json.loads, lines)}


class TrainTrial(Trial):
    """A training run that resumes from its checkpoints, and is killed several times before it ends."""

    def reset(self) -> None:
        """Empty the output folder and start again."""
        self.empty()
        self.old = self.result()

    def start(self) -> Run:
        """Start the command and return its process."""
        self.before = self._checkpoint()
        return super().start()

    def result(self) -> dict[str, bytes]:
        """Return the weights, which are written at the end."""
        path = self.output / "weights.safetensors"
        return {path.name: path.read_bytes()} if path.exists() else {}

    def after_kill(self, *, clean: bool) -> None:
        """Check that the checkpoint is the previous or a later one, and complete."""
        from cdtnet.errors import DataError
        from cdtnet.training.checkpoint import load_checkpoint

        self.count_leftovers(clean=clean)
        now = self._checkpoint()
        try:
            if now:
                load_checkpoint(self.output / "checkpoint.pt")
            self.row.old += now == self.before
            self.row.new += now != self.before
        except DataError:
            self.row.half += 1
        self.row.half += self.result() not in (self.old, self.whole)

    def go_on(self, *, last: bool) -> None:
        """Leave the rest to the next process, unless the run has ended."""
        if last or self.result():
            super().go_on(last=True)

    def _checkpoint(self) -> bytes:
        path = self.output / "checkpoint.pt"
        return path.read_bytes() if path.exists() else b""
