"""OpenVINO without its telemetry.

It reports each import to a server, keeps all that it compiled, and frees a stack that signals still use.
"""

import os
import sys
from functools import cache

# A module that is None here cannot be imported; OpenVINO then works without it.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# Kernels are compiled per shape; by default a thousand are kept, which takes hundreds of megabytes.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

import openvino as ov  # noqa: E402
from openvino import opset13  # noqa: E402

__all__ = ["core", "opset13", "ov"]


@cache
def core() -> ov.Core:
    """Return OpenVINO's core: one for the process, which is never freed.

    The first core that computes allocates a stack for signal handlers, and the last one that is freed unmaps
    it. If other cores were created in between, or another thread frees it, the system still uses that stack,
    and Ctrl-C crashes.
    """
    return ov.Core()
