"""Processor cores and memory: the limits and the use of this process."""

import ctypes
import os
import re
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")  # on Linux
MEMORY = Path("/proc/meminfo")
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of processor time per period, in a container


def available_cores() -> int:
    """Return the number of cores that this process may use; a container's share is rounded up."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, -(-int(quota) // int(period))))


def share_cores(workers: int) -> None:
    """Limit each of `workers` threads to its share of the cores.

    Call this before the computing libraries are loaded, because they read the settings at import.
    """
    threads = max(1, available_cores() // workers)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY"):
        wanted = os.environ.get(name, "")
        os.environ[name] = str(min(threads, int(wanted)) if wanted.isdecimal() and int(wanted) else threads)


def trim_memory() -> None:
    """Return freed memory to the system, if the C library keeps it (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:
            trim(0)


def peak_memory() -> int:
    """Return the peak of this process's main memory in bytes."""
    if STATUS.exists():  # getrusage would include the parent's peak
        return read_bytes(STATUS, "VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def free_memory() -> int | None:
    """Return the main memory that this process may still use, in bytes; None if unknown."""
    if not STATUS.exists():
        return None
    import resource

    free, limit = read_bytes(MEMORY, "MemAvailable"), resource.getrlimit(resource.RLIMIT_AS)[0]
    return free if limit == resource.RLIM_INFINITY else min(free, limit - read_bytes(STATUS, "VmSize"))


def stay_within_memory() -> None:
    """Limit this process to the free memory, so that it fails before it harms other processes."""
    if STATUS.exists():
        import resource

        limit = read_bytes(STATUS, "VmSize") + int(0.9 * read_bytes(MEMORY, "MemAvailable"))
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard == resource.RLIM_INFINITY or limit < hard:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def read_bytes(file: Path, name: str) -> int:
    """Read a value, such as "VmHWM: 123 kB" of a file of /proc, in bytes."""
    found = re.search(rf"{name}:\s*(\d+) kB", file.read_text())
    assert found
    return 1024 * int(found[1])
