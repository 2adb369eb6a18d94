"""OpenVINO, without what it does unasked: reporting each import to a server, and keeping what it compiled."""

import os
import sys

# What is None here cannot be imported; OpenVINO then does without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

# Kernels are compiled for one shape each; by default a thousand are kept, hundreds of megabytes of them.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

import openvino as ov  # noqa: E402
from openvino import opset13  # noqa: E402

__all__ = ["opset13", "ov"]
