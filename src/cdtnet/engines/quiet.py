"""OpenVINO without its telemetry and its converter.

OpenVINO reports each import to a server, keeps all compiled kernels, and frees a stack that signal handlers
still use. Its converter of other frameworks' models takes a third of the import time.
"""

import os
import sys
from functools import cache
from typing import Any

# A module that is None in `sys.modules` cannot be imported; OpenVINO then works without it.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
_CONVERTER = "openvino.tools.ovc"
_is_first = "openvino" not in sys.modules
if _is_first:
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]

# Kernels are compiled per shape; by default a thousand are kept, which takes hundreds of megabytes.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

import openvino as ov  # noqa: E402
from openvino import opset13  # noqa: E402


def _convert_model(*arguments: Any, **options: Any) -> ov.Model:
    """Call OpenVINO's `convert_model`, for other code in this process; import it only now."""
    from openvino.tools.ovc import convert_model

    return convert_model(*arguments, **options)


if _is_first:
    del sys.modules[_CONVERTER]
    ov.convert_model = _convert_model

__all__ = ["core", "opset13", "ov"]


@cache
def core() -> ov.Core:
    """Return OpenVINO's core: one for the process, which is never freed.

    The first core that computes allocates a stack for signal handlers, and the last one that is freed unmaps
    it. If other cores were created in between, or another thread frees it, the system still uses that stack,
    and Ctrl-C crashes.
    """
    return ov.Core()
