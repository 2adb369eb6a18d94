"""OpenVINO, without the report of each import that it sends to a server on the internet otherwise."""

import sys

# What is None here cannot be imported; OpenVINO then does without.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov  # noqa: E402
from openvino import opset13  # noqa: E402

__all__ = ["opset13", "ov"]
