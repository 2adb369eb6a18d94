"""Detection of forks: in a forked process, libraries with threads would wait forever."""

import os

from ..errors import CdtnetError

_state = {"used": False, "lost": False}  # used: by this process; lost: by the process that forked it


def use_threads() -> None:
    """Record that this process uses libraries with threads: libvips, OpenVINO, PyTorch.

    Call this before every use.

    Raises:
        CdtnetError: This process was forked from one that had used them.
    """
    if _state["lost"]:
        raise CdtnetError(
            "This process was forked from one that had already used cdtnet, and a fork loses its threads. "
            'Start processes with "spawn": multiprocessing.get_context("spawn").Pool(…), '
            'DataLoader(…, multiprocessing_context="spawn"), ProcessPoolExecutor(mp_context=…).'
        )
    _state["used"] = True


def _after_fork() -> None:
    _state["lost"] = _state["lost"] or _state["used"]


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
