"""OpenVINO without its telemetry.

It reports each import to a server, keeps all that it compiled, and frees a stack that signals still use.
"""

import os
import sys
from functools import cache

# What is None here cannot be imported; OpenVINO then does without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# Kernels are compiled for one shape each; by default a thousand are kept, hundreds of megabytes of them.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

import openvino as ov  # noqa: E402
from openvino import opset13  # noqa: E402

__all__ = ["core", "opset13", "ov"]


@cache
def core() -> ov.Core:
    """OpenVINO's core, one for the process, never let go.

    The first one that computes lays out a stack for signal handlers, and the last that goes unmaps it; when
    others came between, or another thread lets go, the system still has that stack, and Ctrl-C crashes.
    """
    return ov.Core()
