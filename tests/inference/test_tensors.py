"""PyTorch tensors, batches and modules, and copies of a harmonizer."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch

import cdtnet
from cdtnet.config import Config
from cdtnet.engines import openvino
from cdtnet.engines.openvino import OpenVinoEngine
from cdtnet.inference.harmonizer import Harmonizer
from cdtnet.model import load_model
from tests.engines.networks import network

pytestmark = pytest.mark.filterwarnings("ignore:The mask")

H, W = 24, 40


@pytest.fixture(scope="module")
def harmonizer(weights) -> Harmonizer:
    return Harmonizer(weights, "cpu")


@pytest.fixture
def pictures(random):
    """Three pictures (3,H,W,3) and masks (3,H,W), uint8."""
    masks = np.zeros((3, H, W), np.uint8)
    masks[:, 4:20, 6:25] = 255
    masks[1, :, 15:] = 0
    return random.integers(0, 256, (3, H, W, 3), np.uint8), masks


@pytest.mark.parametrize("masks_as", [(3, H, W), (3, 1, H, W)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_a_batch_is_each_of_its_pictures(harmonizer, pictures, dtype, masks_as):
    arrays, masks = pictures
    scale = 1 if dtype == torch.uint8 else 255
    batch = (torch.from_numpy(arrays).permute(0, 3, 1, 2).to(dtype) / scale).to(dtype)
    result = harmonizer(batch, torch.from_numpy(masks).reshape(masks_as))
    assert (result.image.shape, result.image.dtype) == (batch.shape, dtype)
    assert result.lut is None
    for picture, mask, image in zip(batch, masks, result.image, strict=True):
        alone = harmonizer(picture.permute(1, 2, 0).contiguous().numpy(), mask).image
        assert np.array_equal(image.permute(1, 2, 0).numpy(), alone)
        assert torch.equal(image[:, mask == 0], picture[:, mask == 0])
    assert not torch.equal(result.image, batch)


def test_one_picture_keeps_its_table(harmonizer, pictures):
    picture, mask = torch.from_numpy(pictures[0][0]).permute(2, 0, 1), torch.from_numpy(pictures[1][0])
    for given in (mask, mask[None], mask.numpy(), mask > 0, mask.float() / 255):
        result = harmonizer(picture, given, strength=0.5)
        assert result.image.shape == (3, H, W)
        assert result.lut is not None
        expected = harmonizer(pictures[0][0], pictures[1][0], strength=0.5).image
        assert np.array_equal(result.image.permute(1, 2, 0).numpy(), expected)


def test_one_mask_may_do_for_all(harmonizer, pictures):
    batch, masks = torch.from_numpy(pictures[0]).permute(0, 3, 1, 2), torch.from_numpy(pictures[1])
    shared = harmonizer(batch, masks[0]).image
    assert torch.equal(shared, harmonizer(batch, masks[:1].expand(3, H, W)).image)


def test_the_given_tensor_stays_and_the_image_has_no_gradient(harmonizer, pictures):
    batch = (torch.from_numpy(pictures[0]).permute(0, 3, 1, 2) / 255).requires_grad_()
    before = batch.detach().clone()
    image = harmonizer(batch, torch.from_numpy(pictures[1])).image
    assert torch.equal(batch, before)
    assert not image.requires_grad


@pytest.mark.parametrize(
    ("composite", "mask", "words"),
    [
        ((2, 4, H, W), (2, H, W), "tensor"),
        ((0, 3, H, W), (0, H, W), "at least one|should be"),
        ((2, 3, H, W), (3, H, W), r"must be \(2,H,W\) or \(2,1,H,W\)"),
        ((3, H, W), (2, H, W), r"must be \(H,W\)"),
        ((2, 3, H, W), (2, 3, H, W), "must be"),
    ],
)
def test_shapes_that_make_no_sense_are_said(harmonizer, composite, mask, words):
    with pytest.raises(cdtnet.PictureError, match=words):
        harmonizer(torch.zeros(composite), torch.zeros(mask))


def test_masks_of_a_batch_are_a_tensor(harmonizer):
    with pytest.raises(cdtnet.PictureError, match="masks of a batch"):
        harmonizer(torch.zeros(2, 3, H, W), np.zeros((H, W), np.uint8))


def test_the_callers_module_stays_as_it_was(pictures):
    model = network(Config(base_size=32)).requires_grad_(True).train()
    model.generator.eval()
    before = {name: (value.clone(), value.stride()) for name, value in model.state_dict().items()}
    harmonizer = Harmonizer(model, "cpu")
    first = harmonizer(pictures[0][0], pictures[1][0]).image
    assert model.training
    assert not model.generator.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name][0])
        assert value.stride() == before[name][1]
    with torch.no_grad():
        model.color_mapping.basis.zero_()
    assert np.array_equal(harmonizer(pictures[0][0], pictures[1][0]).image, first)


@pytest.mark.parametrize("copy", [deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
@pytest.mark.parametrize("kind", ["openvino", "pytorch", "module"])
def test_copies_and_pickles_do_the_same(weights, pictures, kind, copy, monkeypatch):
    monkeypatch.setattr(openvino, "OpenVinoEngine", OpenVinoEngine)  # of its own, not shared between tests
    model = load_model(weights) if kind == "module" else weights
    harmonizer = Harmonizer(model, "cpu", engine="auto" if kind == "module" else kind, precision="float32")
    again = copy(harmonizer)
    assert again.engine is not harmonizer.engine
    assert (again.engine.name, again.precision) == (harmonizer.engine.name, "float32")
    given = pictures[0][0], pictures[1][0]
    assert np.array_equal(again(*given).image, harmonizer(*given).image)


def test_a_loaded_model_can_be_trained_in_a_loop_of_ones_own(weights, tmp_path):
    model = load_model(weights)
    assert not model.training
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    image, mask = (torch.rand(2, c, 64, 64, generator=generator) for c in (3, 1))
    before = {name: value.clone() for name, value in model.named_parameters()}
    output = model(image, mask)
    loss = ((output.image - 0.5) ** 2).mean() + ((output.lut_image - 0.5) ** 2).mean()
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    optimizer.step()
    assert not torch.equal(model.color_mapping.basis, before["color_mapping.basis"])
    cdtnet.save_model(model, tmp_path / "mine.safetensors")
    again = load_model(tmp_path / "mine.safetensors")
    assert all(torch.equal(v, again.state_dict()[name]) for name, v in model.state_dict().items())
