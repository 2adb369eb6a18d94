"""Print the license of each package of the default install and of each extra, and the installed sizes.

python reliability/licences.py    # in an environment with the extras: pip install '.[dev]'
"""

import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PACKAGE = "cdtnet"
# "" is the default install
EXTRAS = (
    "",
    "heif",
    "jxl",
    "jp2",
    "exr",
    "layers",
    "video",
    "cut-out",
    "torch",
    "export",
    "train",
    "evaluate",
    "web",
    "ray",
)

IN_ITS_FILE = {"openexr": "BSD-3-Clause"}  # licenses that only a file in the package states


def brought(name: str, extras: Iterable[str] = ("",)) -> set[str]:
    """Return the names of the packages that a package and its extras install here, dependencies included."""
    found: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(name), extra) for extra in ("", *extras)]
    while waiting:
        package, extra = waiting.pop()
        if (package, extra) in found:
            continue
        found.add((package, extra))
        for line in distribution(package).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(requirement.name), more) for more in ("", *requirement.extras)]
    return {package for package, _ in found} - {canonicalize_name(name)}


def licence(name: str) -> str:
    """Return the license that a package states: an SPDX expression if it gives one."""
    metadata = distribution(name).metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = metadata.get_all("Classifier") or []
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License")]
    stated = (metadata["License"] or IN_ITS_FILE.get(name, "not stated")).strip().splitlines()[0]
    return " or ".join(named) or stated


def rows() -> list[str]:
    """Return the rows of the table: the packages that each extra adds to the previous ones."""
    table, listed = [], set[str]()
    for extra in EXTRAS:
        new = sorted(brought(PACKAGE, [extra]) - listed)
        listed.update(new)
        table += [f"| {name} | {licence(name)} | {extra or 'the default install'} |" for name in new]
    return table


def megabytes(names: Iterable[str]) -> int:
    """Return the size of the installed files of packages."""
    files = [Path(str(file.locate())) for name in names for file in distribution(name).files or []]
    return round(sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.exists()) / 1e6)


def sizes() -> list[str]:
    """Return the size of the default install, and the size that each extra adds, a line each."""
    default = brought(PACKAGE)
    lines = [
        f"{extra}: {megabytes(brought(PACKAGE, [extra]) - default)} MB more" for extra in EXTRAS if extra
    ]
    return [f"the default install: {megabytes(default)} MB", *lines]


def main() -> int:
    """Print the table and the sizes; return 1 if a package is missing."""
    try:
        print("\n".join(["| package | license | comes with |", "|---|---|---|", *rows(), "", *sizes()]))
    except PackageNotFoundError as error:
        print(f"{error.name} is not installed: pip install '.[dev]' installs everything.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
