"""Exported graphs in ONNX Runtime, compared with the PyTorch modules."""

import io
import json
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

import cdtnet
from cdtnet.cli.main import main
from cdtnet.config import Config
from cdtnet.engines.export import export, export_bare
from cdtnet.engines.openvino import BOXES, CORRECTION, GRAPHS
from cdtnet.engines.subgraphs import flatten
from cdtnet.engines.whole import Line
from cdtnet.imaging.geometry import Window
from cdtnet.model import CDTNet
from cdtnet.model.color_mapping import identity_table, map_colors
from cdtnet.model.layers import denormalize
from cdtnet.model.sampling import downsample, upsample
from cdtnet.weights import CONFIG_ENTRY

from .networks import nchw, network, patches, pictures, plain

pytestmark = pytest.mark.slow

SIZES = [(97, 131), (33, 300), (1, 50), (64, 64), (7, 1)]


SESSIONS: dict[int, tuple[onnx.ModelProto, onnxruntime.InferenceSession]] = {}  # with their graphs, by id


def run(graph, **inputs):
    """Return the outputs by ONNX Runtime on one thread."""
    if id(graph) not in SESSIONS:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        serialized = graph.SerializeToString()
        session = onnxruntime.InferenceSession(serialized, options, ["CPUExecutionProvider"])
        SESSIONS[id(graph)] = graph, session
    contiguous = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
    return SESSIONS[id(graph)][1].run(None, contiguous)


@pytest.fixture(scope="module", autouse=True)
def _memory_is_given_back():
    yield
    SESSIONS.clear()
    exported.cache_clear()


def apart(ours, expected) -> float:
    expected = np.asarray(expected)
    assert ours.shape == expected.shape
    assert ours.dtype == expected.dtype == np.float32
    return np.abs(ours - expected).max()


@pytest.fixture(scope="module")
def graphs(official_model):
    return export(official_model, {})


@cache
def exported(config: Config) -> tuple[CDTNet, dict[str, onnx.ModelProto]]:
    """Return a network and its graphs, shared by all tests with the same kind."""
    model = network(config)
    return model, export(model, {})


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The folder that `cdtnet export cdtnet-256` writes, and its output."""
    folder, printed = tmp_path_factory.mktemp("export") / "new" / "folder", io.StringIO()
    with redirect_stdout(printed):
        assert main(["export", "cdtnet-256", str(folder)]) == 0
    return folder, printed.getvalue()


@pytest.mark.parametrize("size", SIZES)
def test_the_whole_graph_equals_the_module_with_published_like_weights(official_model, graphs, size):
    images, masks = pictures(*size)
    expected = plain(official_model, images, masks)
    assert np.abs(expected - images).max() > 0.1
    assert apart(run(graphs["cdtnet"], image=images, mask=masks)[0], expected) <= 1e-5


@pytest.mark.parametrize(
    "config",
    [
        Config("cdtnet", base_size=32, luts=8, antialias=True),
        Config("cdtnet", base_size=64, luts=2, split=False),
        Config("cdtnet", base_size=32, antialias=True, residual=True),
        Config("cdtnet", base_size=32, antialias=True, residual=True, second_look=True),
        Config("cdtnet", base_size=32, antialias=True, residual=True, second_look=True, close_up=True),
        Config("cdtnet", base_size=32, close_up=True),
        Config("cdtnet-sim", base_size=32, luts=1),
        Config("cdtnet-sim", base_size=32, luts=2, second_look=True, close_up=True),
        Config("cdtnet-sim", base_size=64, luts=2, antialias=True),
        Config("is2am", base_size=32, antialias=True),
        Config("is2am", base_size=32, second_look=True, close_up=True),
    ],
    ids=str,
)
def test_whole_graphs_of_every_kind_take_batches_of_any_size(config):
    model, graphs = exported(config)
    graph = graphs["cdtnet"]
    for size, count in zip(SIZES, (3, 1, 2, 1, 1), strict=True):
        for make in (pictures, patches):
            images, masks = make(*size, count)
            ours = run(graph, image=images, mask=masks)[0]
            assert apart(ours, plain(model, images, masks)) <= 1e-5
            assert np.array_equal(ours[masks[..., 0] == 0], images[masks[..., 0] == 0])


def test_the_shipped_weights_at_base_size_256(shipped):
    folder, printed = shipped
    assert sorted(Path(path).stem for path in printed.split()) == sorted(["cdtnet", *BOXES["cdtnet"]])
    images, masks = pictures(300, 211)
    graph = onnx.load(folder / "cdtnet.onnx")
    expected = plain(cdtnet.load_model("cdtnet-256"), images, masks)
    assert apart(run(graph, image=images, mask=masks)[0], expected) <= 1e-5
    said = {entry.key: entry.value for entry in graph.metadata_props}
    assert "Apache-2.0" in said["licence"]
    assert said["training"]
    assert json.loads(said["config"])["base_size"] == 256


@pytest.mark.parametrize("base_size", [64, 256])
def test_the_generator(official_model, graphs, base_size):
    images, masks = pictures(base_size, base_size)
    low, bottleneck = run(graphs["generator"], image=nchw(images).numpy(), mask=nchw(masks).numpy())
    analysis = official_model.analyze(official_model.downsample(nchw(images), nchw(masks), base_size))
    colors = denormalize(torch.from_numpy(low[:, :3])).numpy()
    assert apart(colors, denormalize(analysis.image_low)) <= 1e-5
    assert apart(low[:, 3:], analysis.features_low) <= 1e-5 * analysis.features_low.max()
    assert bottleneck.shape == (1, 256, base_size // 8, base_size // 8)


@pytest.mark.parametrize("luts", [1, 2, 4, 8])
def test_the_mixed_table(luts):
    model, graphs = exported(Config("cdtnet-sim", base_size=32, luts=luts))
    bottleneck, mask = torch.randn(1, 256, 5, 5), torch.rand(1, 1, 5, 5)
    table, _ = run(graphs["color_mapping"], bottleneck=bottleneck, coarse_mask=mask)
    assert apart(table, model.color_mapping(bottleneck, mask)) <= 1e-5


@pytest.mark.parametrize("size", SIZES)
def test_a_lookup_in_the_flat_table_is_the_trilinear_one(official_model, graphs, size):
    images, masks = pictures(*size)
    levels = np.round(images * 32) / 32  # colors on the table's own places, where slices and cells end
    table = identity_table()[None] + 0.1 * torch.randn(1, 3, 33, 33, 33)
    for tile in (images, levels.astype(np.float32)):
        ours = run(graphs["lookup"], atlas=flatten(table), image=tile, mask=masks)[0]
        assert apart(ours, map_colors(table, nchw(tile), nchw(masks)).permute(0, 2, 3, 1)) <= 2e-5


@pytest.mark.parametrize("size", SIZES)
def test_the_residual(size):
    model, graphs = exported(Config(base_size=32, residual=True))
    images, masks = pictures(*size)
    low = model.downsample(nchw(images), nchw(masks))
    analysis = model.analyze(low)
    tile = {"image": low.image.permute(0, 2, 3, 1), "mask": low.mask.permute(0, 2, 3, 1)}
    mapped = run(graphs["lookup"], atlas=flatten(analysis.table), **tile)[0]
    painted = torch.cat((analysis.image_low, analysis.features_low), dim=1)
    (residual,) = run(graphs["residual"], low=painted, mapped=mapped)
    assert apart(residual, torch.cat((analysis.residual_low, analysis.features_low), dim=1)) <= 1e-4
    assert apart(residual[:, :3], analysis.image_low) > 0.1


@pytest.mark.parametrize(("variant", "residual"), [("cdtnet", False), ("cdtnet", True), ("is2am", False)])
@pytest.mark.parametrize("size", SIZES)
def test_tiles_from_the_analysis(variant, residual, size):
    model, graphs = exported(Config(variant, base_size=32, residual=residual))
    images, masks = pictures(*size)
    analysis = model.analyze(model.downsample(nchw(images), nchw(masks)))
    rendered, mapped = model.render(analysis, nchw(images), nchw(masks))
    painted = analysis.residual_low if residual else analysis.image_low
    inputs = {
        "low": torch.cat((painted, analysis.features_low), dim=1),
        "rows": Line.whole(size[0]).stretch(32),
        "columns": Line.whole(size[1]).stretch(32),
    }
    if variant == "cdtnet":
        inputs |= {"image": images, "mask": masks, "mapped": mapped.permute(0, 2, 3, 1)}
    graph = graphs["refinement" if variant == "cdtnet" else "upsampling"]
    assert apart(run(graph, **inputs)[0], rendered.permute(0, 2, 3, 1)) <= 1e-5


@pytest.mark.parametrize(
    ("length", "size"), [(1, 8), (50, 8), (50, 64), (64, 64), (6000, 256), (60_000, 256)]
)
@pytest.mark.parametrize("antialias", [False, True])
def test_resizing_by_matrices_is_that_of_the_model(length, size, antialias):
    line = torch.rand(1, 1, length, 1)
    ours = Line.whole(length).shrink(size, antialias=antialias) @ line
    expected = downsample(line.expand(-1, -1, -1, size), size, antialias=antialias)[..., :1]
    drift = 3e-7 * length  # of PyTorch, which computes positions in single precision
    assert (ours - expected).abs().max() <= 1e-6 + drift
    if not antialias:
        exact = upsample(line, (size, 1), Window(0, 0, size, 1))
        assert (ours - exact).abs().max() <= 1e-6


def ranks(graph):
    """Return the number of axes of all values whose shapes the runtime can infer."""
    known = onnx.shape_inference.infer_shapes(graph, strict_mode=True, data_prop=True).graph
    return {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*known.input, *known.value_info, *known.output)
    }


def test_graphs_are_valid_and_sample_flat_pictures_only(graphs):
    """TensorRT has no kernel for volume sampling."""
    samplings = 0
    for graph in graphs.values():
        onnx.checker.check_model(graph, full_check=True)
        axes = ranks(graph)
        for node in graph.graph.node:
            if node.op_type == "GridSample":
                samplings += 1
                assert [axes[name] for name in (*node.input, *node.output)] == [4, 4, 4]
    assert samplings == 4  # two in the look-up, and the same two in the whole


@pytest.mark.parametrize("model", ["cdtnet-256", "cdtnet-sim", "is2am"])
def test_the_graphs_that_ship_are_what_export_writes(model, tmp_path, capsys):
    assert main(["export", model, str(tmp_path), "--bare"]) == 0
    fresh = [Path(path) for path in capsys.readouterr().out.split()]
    variant = cdtnet.load_model(model).config.variant
    assert {path.stem for path in fresh} == {*BOXES[variant], *([CORRECTION] if variant == "cdtnet" else [])}
    for path in fresh:
        # All but the version of the tracer.
        assert onnx.load(GRAPHS / path.name).graph == onnx.load(path).graph, (
            f"{path.name}: see docs/export.md"
        )
    shipped = {CORRECTION, *(name for names in BOXES.values() for name in names)}
    assert {path.stem for path in GRAPHS.iterdir()} == shipped


def test_bare_graphs_take_the_weights_by_the_names_of_our_files(official_model):
    entries = {name: v for name, v in official_model.state_dict().items() if name != CONFIG_ENTRY}
    places = {
        place.name
        for graph in export_bare(official_model).values()
        for place in graph.graph.input
        if "." in place.name
    }
    assert places == {name for name in entries if not name.endswith("num_batches_tracked")}


def test_the_example_in_the_docs(tmp_path, monkeypatch, shipped):
    text = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    photo = Path(cdtnet.__file__).parent / "demo"
    monkeypatch.chdir(tmp_path)
    for name in ("composite.jpg", "mask.png"):
        Image.open(photo / name).resize((120, 80)).save(name, quality=95)
    Path("exported").symlink_to(shipped[0])
    (tmp_path / "example.py").write_text(code, encoding="utf-8")
    runpy.run_path("example.py")
    ours = np.asarray(Image.open("harmonized.png")).astype(int)
    expected = cdtnet.Harmonizer("cdtnet-256", "cpu", precision="float32")("composite.jpg", "mask.png").image
    assert np.abs(ours - np.asarray(expected).astype(int)).max() <= 1


def test_another_base_size(tmp_path, capsys):
    assert main(["export", "is2am", str(tmp_path), "--base-size", "64"]) == 0
    said = {e.key: e.value for e in onnx.load(tmp_path / "cdtnet.onnx").metadata_props}
    assert json.loads(said["config"])["base_size"] == 64
    assert main(["export", "is2am", str(tmp_path), "--base-size", "100"]) == 1
    assert "multiple of 8" in capsys.readouterr().err


def test_what_cannot_be_exported_gets_a_sentence(tmp_path, capsys):
    (tmp_path / "file").touch()
    for arguments, words in (
        ((str(tmp_path / "absent.safetensors"), str(tmp_path)), "no weights at"),
        (("cdtnet-9", str(tmp_path)), "no model 'cdtnet-9'"),
        (("cdtnet-256", str(tmp_path / "file")), "cannot be created"),
    ):
        assert main(["export", *arguments]) == 1
        printed = capsys.readouterr()
        assert words in printed.err
        assert printed.err.count("\n") == 1
        assert printed.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("missing", ["torch", "onnx"])
def test_without_the_extra_there_is_a_sentence(missing, tmp_path):
    code = (
        f"import sys\nsys.modules[{missing!r}] = None\nfrom cdtnet.cli.main import main\n"
        f"sys.exit(main(['export', 'cdtnet-256', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"cdtnet: Exporting needs {missing}: pip install 'cdtnet[export]'.\n"
