"""OpenVINO without its telemetry and its converter.

It reports each import to a server, keeps all that it compiled, and frees a stack that signals still use. Its
converter of other frameworks' models takes a third of the import.
"""

import os
import sys
from functools import cache
from typing import Any

# What is None here cannot be imported; OpenVINO then does without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
_CONVERTER = "openvino.tools.ovc"
_is_first = "openvino" not in sys.modules
if _is_first:
    sys.modules[_CONVERTER] = None  # type: ignore[assignment]

# Kernels are compiled for one shape each; by default a thousand are kept, hundreds of megabytes of them.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

import openvino as ov  # noqa: E402
from openvino import opset13  # noqa: E402


def _convert_model(*arguments: Any, **options: Any) -> ov.Model:
    """OpenVINO's `convert_model`, for other code in this process; the converter is imported when called."""
    from openvino.tools.ovc import convert_model

    return convert_model(*arguments, **options)


if _is_first:
    del sys.modules[_CONVERTER]
    ov.convert_model = _convert_model

__all__ = ["core", "opset13", "ov"]


@cache
def core() -> ov.Core:
    """OpenVINO's core, one for the process, never let go.

    The first one that computes lays out a stack for signal handlers, and the last that goes unmaps it; when
    others came between, or another thread lets go, the system still has that stack, and Ctrl-C crashes.
    """
    return ov.Core()
