"""What this process may use of the machine, and what it has used."""

import os
import re
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")  # on Linux


def available_cores() -> int:
    """Number of cores that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def peak_memory() -> int:
    """The largest number of bytes of main memory that this process has held so far."""
    if STATUS.exists():  # where getrusage would count what the parent held
        return read_bytes(STATUS, "VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def read_bytes(file: Path, name: str) -> int:
    """A line such as "VmHWM: 123 kB" of a file of /proc, in bytes."""
    found = re.search(rf"{name}:\s*(\d+) kB", file.read_text())
    assert found
    return 1024 * int(found[1])
