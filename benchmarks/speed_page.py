"""Write the measurements of speed.py as sentences and tables."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from speed_cell import METHODS, PLAIN, Cell
from speed_machine import Machine

from cdtnet.system.machine import available_cores

Key = tuple[str, str, float]  # method, size, share of the foreground
MEGABYTE = 1e6
OURS, SIM = "CDTNet-256, OpenVINO", "CDTNet-sim, OpenVINO"
SHARE = 0.086


@dataclass(frozen=True)
class Command:
    """A whole command.

    Attributes:
        label: Its input.
        seconds: Seconds from its start to its end.
        stages: Name, seconds, and the process's peak memory in bytes by then.
    """

    label: str
    seconds: float
    stages: Sequence[tuple[str, float, int]]


@dataclass(frozen=True)
class Measured:
    """All measurements.

    Attributes:
        machine: The rates of the machine.
        cells: The measurement for each method, size and share, or why there is none.
        commands: Whole commands.
        sizes: Heights and widths by name.
        seconds: Time limit of a measurement.
    """

    machine: Machine
    cells: Mapping[Key, Cell | str]
    commands: Sequence[Command]
    sizes: Mapping[str, tuple[int, int]]
    seconds: float

    @property
    def ours(self) -> str:
        """Return the default method."""
        return f"{OURS} {self.machine.fast}"

    def cell(self, method: str, size: str, share: float = SHARE) -> Cell | None:
        """Return a measurement, or None."""
        found = self.cells.get((method, size, share))
        return found if isinstance(found, Cell) else None

    def warm(self, method: str, size: str) -> float | None:
        """Return the seconds of a further run."""
        found = self.cell(method, size)
        return found and found.warm

    def limit(self, method: str, size: str, share: float = SHARE) -> float | None:
        """Return the least seconds, for a network's method that was measured."""
        model, found = method.split(",")[0], self.cell(method, size, share)
        if found is None or model not in self.machine.flops:
            return None
        height, width = self.sizes[size]
        return self.machine.limit(model, height * width, found.touched)

    def faster(self, method: str, size: str) -> float | None:
        """Return how many times faster it is than the plain forward pass."""
        return ratio(self.warm(PLAIN, size), self.warm(method, size))


def page(measured: Measured, command: str) -> str:
    """Return the text of docs/speed.md."""
    machine = measured.machine
    text = (Path(__file__).parent / "speed.txt").read_text(encoding="utf-8")
    rates = [
        (f"convolutions, {name}", f"{rate / 1e9:.0f} GFLOP/s") for name, rate in machine.convolutions.items()
    ]
    rates += [("copying memory, read and written", f"{machine.copying / 1e9:.1f} GB/s")]
    rates += [
        (f"table look-ups, {name}", f"{rate / 1e6:.0f} Mpx/s") for name, rate in machine.lookups.items()
    ]
    shares = sorted({share for *_, share in measured.cells} - {SHARE})
    return text.format(
        command=command,
        units=machine.units,
        hardware=f"{date.today()}, {available_cores()} {platform.machine()} cores, Python "
        f"{platform.python_version()}, {platform.system()}",
        seconds=f"{2 * measured.seconds:.0f}",
        default=measured.ours,
        aims=table(("aim", "measured", "reached"), aims(measured)),
        warm=matrix(measured, SHARE, lambda cell, _: seconds(cell.warm)),
        cold=matrix(measured, SHARE, lambda cell, _: seconds(cell.cold)),
        memory=matrix(measured, SHARE, lambda cell, _: f"{cell.memory / MEGABYTE:.0f} MB"),
        faster=matrix(measured, SHARE, lambda _, key: times(measured.faster(*key[:2]))),
        limits=matrix(
            measured,
            SHARE,
            lambda cell, key: times(ratio(cell.warm, measured.limit(*key))),
            [name for name in METHODS if name.split(",")[0] in machine.flops],
        ),
        others="\n".join(other(measured, share) for share in shares),
        profile=profile(measured.commands),
        rates=table(("", "at best"), rates),
        refinement=f"{machine.refinement:,.0f}",
        generator=f"{machine.flops['CDTNet-256'] / 1e9:.1f}",
    )


def aims(measured: Measured) -> list[tuple[str, str, str]]:
    """Return the targets, the measured values, and whether they are met."""
    ours, sim = measured.cell(measured.ours, "24 MP"), measured.cell(SIM, "24 MP")
    whole = measured.cell(measured.ours, "24 MP", 1.0)
    best = max(measured.machine.lookups.values()) / 1e6
    warm, least = measured.warm(measured.ours, "24 MP"), measured.limit(measured.ours, "24 MP")
    memory = ours and ours.memory / MEGABYTE
    rows = [
        aim("CDTNet-256, 24 MP, 8.6 % foreground: under 2 s", warm, seconds, at_most=2),
        aim("the same: under 550 MB for the whole process", memory, lambda mb: f"{mb:.0f} MB", at_most=550),
        aim("the same: at most 1.6× the limit", ratio(warm, least), times, at_most=1.6),
        aim(
            "CDTNet-256, 2048²: at least 20× faster than the whole frame",
            measured.faster(measured.ours, "2048²"),
            times,
            at_least=20,
        ),
        aim("CDTNet-256, 1024²: at most 0.2 s", measured.warm(measured.ours, "1024²"), seconds, at_most=0.2),
        aim("CDTNet-256, 24 MP, all foreground: at most 6 s", whole and whole.warm, seconds, at_most=6),
        aim("CDTNet-sim, 24 MP: under 0.5 s", sim and sim.warm, seconds, at_most=0.5),
        aim("table look-ups: 150 Mpx/s", best, lambda rate: f"{rate:.0f} Mpx/s", at_least=150),
    ]
    limits = {"`cdtnet --help`": 0.15, "a 1024² JPEG": 0.6, "a 24 MP JPEG": 4.0}
    return rows + [
        aim(
            f"{c.label}, cold, the whole command: under {limits[c.label]:g} s",
            c.seconds,
            seconds,
            limits[c.label],
        )
        for c in measured.commands
    ]


def aim(
    text: str,
    value: float | None,
    show: Callable[[float], str],
    at_most: float = float("inf"),
    at_least: float = 0.0,
) -> tuple[str, str, str]:
    """Return a row of the table of targets."""
    if value is None:
        return text, "not measured", "–"
    return text, show(value), "yes" if at_least <= value <= at_most else "no"


def matrix(
    measured: Measured,
    share: float,
    show: Callable[[Cell, Key], str],
    methods: Sequence[str] = (),
) -> str:
    """Return a table of methods, by default all, by sizes, for one share."""
    sizes = [size for size in measured.sizes if any(k[1:] == (size, share) for k in measured.cells)]
    rows = []
    for method in methods or METHODS:
        keys = [(method, size, share) for size in sizes]
        found = [measured.cells.get(key, "") for key in keys]
        texts = [
            show(cell, key) if isinstance(cell, Cell) else cell for cell, key in zip(found, keys, strict=True)
        ]
        if any(texts):
            rows.append((method, *texts))
    return table(("", *sizes), rows)


def other(measured: Measured, share: float) -> str:
    """Return a table for a foreground of another size."""

    def show(cell: Cell, key: Key) -> str:
        least = ratio(cell.warm, measured.limit(*key))
        parts = seconds(cell.warm), f"{cell.memory / MEGABYTE:.0f} MB", least and f"{times(least)} the limit"
        return ", ".join(part for part in parts if part)

    return f"## Foreground of {100 * share:g} %\n\n{matrix(measured, share, show)}"


def profile(commands: Sequence[Command]) -> str:
    """Return a table of stages by commands: seconds, and memory by then."""
    found = [command for command in commands if command.stages]
    names = list(dict.fromkeys(name for command in found for name, *_ in command.stages))
    rows = []
    for name in names:
        parts = {command.label: part for command in found for part in command.stages if part[0] == name}
        cells = (parts.get(command.label) for command in found)
        rows.append((name, *(f"{c[1]:.3f} s, {c[2] / MEGABYTE:.0f} MB" if c else "" for c in cells)))
    rows.append(("in all", *(f"{sum(s for _, s, _ in command.stages):.3f} s" for command in found)))
    return table(("", *(command.label for command in found)), rows)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def ratio(one: float | None, other: float | None) -> float | None:
    """Return the ratio, or None if a value is missing."""
    return one / other if one and other else None


def times(value: float | None) -> str:
    """Format a factor, such as 1.6×."""
    return f"{value:.3g}×" if value else ""


def seconds(value: float | None) -> str:
    """Format seconds, such as 0.12 s."""
    return f"{value:.3g} s" if value else ""
