"""The node pack, loaded as by ComfyUI, with mocks of ComfyUI's modules."""

import importlib.util
import inspect
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

import cdtnet
from cdtnet import CdtnetError, Harmonizer, Lut, PictureError
from cdtnet.weights import SHIPPED

PACK = Path(__file__).parents[2] / "integrations" / "comfyui-cdtnet"


class Cancelled(Exception):  # noqa: N818 – ComfyUI's is no Error either
    """ComfyUI's exception in a node after the user has cancelled."""


class Host:
    """A mock of ComfyUI: its output folder, the reported progress, and its cancel button."""

    def __init__(self, output):
        self.output = output
        self.progress = []
        self.cancelled = False

    def modules(self):
        comfy, utils, management = map(ModuleType, ("comfy", "comfy.utils", "comfy.model_management"))
        utils.ProgressBar = lambda total: SimpleNamespace(
            update_absolute=lambda value: self.progress.append((value, total))
        )
        management.throw_exception_if_processing_interrupted = self.check
        folders = ModuleType("folder_paths")
        folders.get_output_directory = lambda: str(self.output)
        folders.get_save_image_path = self.place
        return {module.__name__: module for module in (comfy, utils, management, folders)}

    def check(self):
        if self.cancelled:
            raise Cancelled

    def place(self, prefix, output):
        folder, name = (Path(output) / prefix).parent, Path(prefix).name
        folder.mkdir(exist_ok=True)
        first = 1 + len(list(folder.glob(f"{name}_*_.cube")))
        return str(folder), name, first, str(Path(prefix).parent), prefix


@pytest.fixture
def host(tmp_path, monkeypatch):
    host = Host(tmp_path / "output")
    host.output.mkdir()
    for name, module in host.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return host


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Load NODE_CLASS_MAPPINGS of a folder in `custom_nodes`; the module's name is its path without dots."""
    folder = tmp_path_factory.mktemp("ComfyUI.1") / "custom_nodes" / PACK.name
    shutil.copytree(PACK, folder)
    name = str(folder).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module.NODE_CLASS_MAPPINGS
    del sys.modules[name], sys.modules[f"{name}.nodes"]


def module_of(nodes):
    return sys.modules[next(iter(nodes.values())).__module__]


def call(nodes, name, **inputs):
    """Run a node as ComfyUI does: a new object, inputs by name."""
    node = nodes[name]()
    return getattr(node, node.FUNCTION)(**inputs)


def batch(random, count=2, channels=3):
    """Make IMAGE and MASK: noise, with a rectangle each."""
    image = torch.from_numpy(random.random((count, 40, 60, channels), dtype=np.float32))
    mask = torch.zeros(count, 40, 60)
    for k in range(count):
        mask[k, 10 : 20 + 5 * k, 20:40] = 1 - 0.5 * k
    return image, mask


def test_the_nodes_say_what_they_take_and_give(nodes):
    module = module_of(nodes)
    assert nodes.keys() == module.NODE_DISPLAY_NAME_MAPPINGS.keys()
    for node in nodes.values():
        inputs = node.INPUT_TYPES()
        wanted = [*inputs["required"], *inputs.get("optional", {})]
        parameters = inspect.signature(getattr(node(), node.FUNCTION)).parameters
        named = {name for name, each in parameters.items() if each.kind != each.VAR_KEYWORD}
        assert named <= set(wanted)
        assert len(named) < len(parameters) or named == set(wanted)
    required = nodes["CdtnetHarmonize"].INPUT_TYPES()["required"]
    assert list(required)[:2] == ["composite", "mask"]
    assert required["model"][0] == list(SHIPPED)


def test_a_batch_gets_what_python_gives(nodes, host, random):
    image, mask = batch(random)
    before = image.clone()
    harmonized, luts = call(
        nodes, "CdtnetHarmonize", composite=image, mask=mask, model="cdtnet-256", strength=0.7
    )
    assert torch.equal(image, before)
    assert harmonized.shape == image.shape
    assert harmonized.dtype == torch.float32
    harmonizer = Harmonizer("cdtnet-256")
    for k in range(2):
        expected = harmonizer(image[k].numpy(), mask[k].numpy(), strength=0.7)
        assert np.array_equal(harmonized[k].numpy(), expected.image)
        assert np.array_equal(luts[k].table, expected.lut.table)
    assert not torch.equal(harmonized, image)


def test_the_frames_of_a_film_get_what_python_gives_for_them_together(nodes, host, random):
    image, mask = batch(random, count=3)
    image[1:], mask[1:] = image[0], mask[0]
    image = (image + 0.05 * torch.from_numpy(random.random(image.shape, dtype=np.float32))).clamp(0, 1)
    harmonized, luts = call(
        nodes, "CdtnetHarmonize", composite=image, mask=mask, model="cdtnet-sim", strength=1.0, film=True
    )
    expected = [*cdtnet.harmonize_frames(image.numpy(), mask.numpy(), model="cdtnet-sim")]
    for k, result in enumerate(expected):
        assert np.array_equal(harmonized[k].numpy(), result.image)
        assert np.array_equal(luts[k].table, result.lut.table)
        assert np.array_equal(luts[k].table, luts[0].table)  # there is one look for all three
    assert host.progress[-1] == (300, 300)


def test_one_mask_serves_all_pictures(nodes, host, random):
    image, mask = batch(random)
    inputs = {"composite": image, "model": "cdtnet-sim", "strength": 1.0}
    each = call(nodes, "CdtnetHarmonize", mask=mask[:1].expand(2, -1, -1), **inputs)[0]
    for one in (mask[:1], mask[0]):
        assert torch.equal(call(nodes, "CdtnetHarmonize", mask=one, **inputs)[0], each)


def test_further_masks_are_objects_of_their_own(nodes, host, random):
    image, mask = batch(random)
    others = torch.zeros(2, 40, 60)
    others[0, 2:8, 2:12], others[1, 30:38, 45:58] = 1, 1
    inputs = {"model": "cdtnet-sim", "strength": 1.0, "tone": 0.5, "keep_hue": True}
    harmonized, _ = call(nodes, "CdtnetHarmonize", composite=image, mask=mask, masks=others, **inputs)
    harmonizer = Harmonizer("cdtnet-sim")
    for k in range(2):
        masks = [mask[k].numpy(), *others.numpy()]
        expected = harmonizer(image[k].numpy(), masks, tone=0.5, keep_hue=True).image
        assert np.array_equal(harmonized[k].numpy(), expected)
    with pytest.raises(PictureError, match="64×64"):
        call(nodes, "CdtnetHarmonize", composite=image, mask=mask, masks=torch.zeros(1, 64, 64), **inputs)


def test_alpha_and_values_outside_the_range_survive(nodes, host, random):
    image, mask = batch(random, channels=4)
    image[:, 0, 0, :3] = torch.tensor([-0.1, 0.5, 1.2])  # as a scaled picture has them
    harmonized, _ = call(
        nodes, "CdtnetHarmonize", composite=image, mask=mask, model="cdtnet-sim", strength=1.0
    )
    assert torch.equal(harmonized[..., 3], image[..., 3])
    assert torch.equal(harmonized[mask == 0], image[mask == 0])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda image, mask: (image, torch.zeros(1, 64, 64)), "64×64 pixels and the picture 60×40"),
        (lambda image, mask: (image, torch.zeros(3, 40, 60)), "2 pictures but 3 masks"),
        (lambda image, mask: (image[:1], mask), "1 pictures but 2 masks"),
        (lambda image, mask: (image * torch.nan, mask), "NaN"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(nodes, host, random, change, sentence):
    image, mask = change(*batch(random))
    with pytest.raises(PictureError, match=sentence):
        call(nodes, "CdtnetHarmonize", composite=image, mask=mask, model="cdtnet-sim", strength=1.0)


def test_progress_is_shown_and_cancelling_stops(nodes, host, random):
    image, mask = batch(random)
    inputs = {"composite": image, "mask": mask, "model": "cdtnet-sim", "strength": 1.0}
    call(nodes, "CdtnetHarmonize", **inputs)
    assert host.progress == sorted(host.progress)
    assert host.progress[-1] == (200, 200)
    host.cancelled = True
    with pytest.raises(Cancelled):
        call(nodes, "CdtnetHarmonize", **inputs)


def test_a_model_is_loaded_once(nodes, host, random, monkeypatch):
    image, mask = batch(random)
    loaded = []
    monkeypatch.setattr(
        module_of(nodes), "Harmonizer", lambda model: loaded.append(model) or Harmonizer(model)
    )
    node = nodes["CdtnetHarmonize"]()
    for model in ("cdtnet-sim", "is2am", "cdtnet-sim"):
        node.harmonize(image, mask, model, 1.0)
    assert loaded == ["cdtnet-sim", "is2am"]


def test_a_table_recolors_as_the_network_that_made_it(nodes, random):
    """Without ComfyUI's modules, as in other programs that run nodes."""
    image, mask = batch(random)
    harmonized, luts = call(
        nodes, "CdtnetHarmonize", composite=image, mask=mask, model="cdtnet-sim", strength=0.6
    )
    (applied,) = call(nodes, "CdtnetApplyLut", image=image, lut=luts, strength=0.6, mask=mask)
    assert (applied - harmonized).abs().max() < 1e-5
    assert torch.equal(applied[mask == 0], image[mask == 0])


def test_one_table_for_all_frames(nodes, host, random):
    frames, _ = batch(random, count=3)
    lut = Lut(random.random((5, 5, 5, 3), dtype=np.float32))
    (applied,) = call(nodes, "CdtnetApplyLut", image=frames, lut=[lut], strength=1.0)
    assert np.abs(applied.numpy() - lut.apply(frames.numpy())).max() < 1e-6
    assert host.progress[-1] == (300, 300)
    with pytest.raises(CdtnetError, match="3 pictures but 2 tables"):
        call(nodes, "CdtnetApplyLut", image=frames, lut=[lut, lut], strength=1.0)


def test_tables_are_saved_under_free_numbers(nodes, host, random):
    luts = [Lut(random.random((5, 5, 5, 3), dtype=np.float32)) for _ in range(3)]
    first = call(nodes, "CdtnetSaveLut", lut=luts[:2], filename_prefix="looks/dogs")
    second = call(nodes, "CdtnetSaveLut", lut=luts[2:], filename_prefix="looks/dogs")
    files = first["ui"]["luts"] + second["ui"]["luts"]
    assert [file["filename"] for file in files] == [f"dogs_{k:05}_.cube" for k in (1, 2, 3)]
    for file, lut in zip(files, luts, strict=True):
        saved = Lut.load(host.output / file["subfolder"] / file["filename"])
        assert np.abs(saved.table - lut.table).max() < 1e-6


def test_no_table_no_file(nodes, host, random):
    image, mask = batch(random)
    _, luts = call(nodes, "CdtnetHarmonize", composite=image, mask=mask, model="is2am", strength=1.0)
    with pytest.raises(CdtnetError, match="the model is is2am or the mask is black"):
        call(nodes, "CdtnetSaveLut", lut=luts, filename_prefix="look")
    assert not list(host.output.iterdir())


def test_the_example_workflow_wires_the_nodes_as_they_are(nodes):
    workflow = json.loads((PACK / "example_workflows" / "harmonize.json").read_text(encoding="utf-8"))
    ours = {node["id"]: node for node in workflow["nodes"] if node["type"] in nodes}
    assert {node["type"] for node in ours.values()} == {"CdtnetHarmonize", "CdtnetSaveLut"}
    for node in ours.values():
        kind = nodes[node["type"]]
        required = kind.INPUT_TYPES()["required"]
        wired = {entry["name"]: entry["type"] for entry in node["inputs"]}
        assert {name: required[name][0] for name in wired} == wired
        assert tuple(output["type"] for output in node["outputs"]) == kind.RETURN_TYPES
        assert len(node["widgets_values"]) == len(required) - len(wired)
    for _, source, slot, target, place, kind in workflow["links"]:
        for node, ends, index in ((source, "outputs", slot), (target, "inputs", place)):
            assert node not in ours or ours[node][ends][index]["type"] == kind


def test_the_registry_is_told_the_version():
    tomllib = pytest.importorskip("tomllib")
    said = tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))
    assert said["project"]["version"] == cdtnet.__version__
    assert said["tool"]["comfy"]["DisplayName"]
