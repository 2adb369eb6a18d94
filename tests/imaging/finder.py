"""A small network that rembg loads like its own, and a photo for it."""

from pathlib import Path

import numpy as np
import pytest


def write_finder(home: Path) -> str:
    """Install a network that finds red pixels as rembg's weights for U2NET_HOME=`home`."""
    pytest.importorskip("rembg", reason="rembg is not installed (the extra cut-out)")
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("Slice", ["photo", "start", "stop", "axis"], ["found"])]
    numbers = [
        helper.make_tensor(name, onnx.TensorProto.INT64, [1], [value])
        for name, value in (("start", 0), ("stop", 1), ("axis", 1))
    ]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("photo", kind, [1, 3, 320, 320])],
        [helper.make_tensor_value_info("found", kind, [1, 1, 320, 320])],
        numbers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    folder = home / "models" / "u2netp"
    folder.mkdir(parents=True)
    onnx.save(model, folder / "u2netp.onnx")
    return "u2netp"


def red_square():
    """(120,160,3) uint8: a red square before a blue-green wall."""
    pixels = np.full((120, 160, 3), (10, 90, 110), np.uint8)
    pixels[40:80, 60:110] = 230, 60, 50
    return pixels
