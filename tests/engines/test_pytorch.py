"""The PyTorch engine against the plain computation."""

import numpy as np
import pytest
import torch
from torch import nn

from cdtnet import Harmonizer, load_model
from cdtnet.engines.protocol import Recolors
from cdtnet.engines.pytorch import TorchEngine
from cdtnet.errors import WeightsError

pytestmark = pytest.mark.filterwarnings("ignore:The mask")

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module", params=DEVICES)
def harmonizer(request):
    return Harmonizer("cdtnet-256", request.param, engine="pytorch", precision="float32")


def masks(mask: np.ndarray) -> dict[str, np.ndarray]:
    soft = np.clip(np.linspace(0, 2, mask.shape[1]), 0, 1)[None] * (mask > 127)
    return {
        "hard": (mask > 127).astype(np.uint8) * 255,
        "soft": np.rint(soft * 255).astype(np.uint8),
        "deep": np.rint(soft * 65535).astype(np.uint16),
        "float": soft.astype(np.float32),
    }


@pytest.mark.parametrize("kind", ["hard", "soft", "deep", "float"])
@pytest.mark.parametrize("strength", [1.0, 0.4])
def test_bytes_blended_by_the_engine_are_those_blended_by_the_painter(
    harmonizer, photos, monkeypatch, kind, strength
):
    composite, mask = photos[2][0], masks(photos[2][1])[kind]
    analysis = harmonizer.analyze(composite, mask, apply_anyway=True, strength=strength)
    given = []
    recolor = harmonizer.engine.recolor
    monkeypatch.setattr(
        harmonizer.engine, "recolor", lambda *a: given.append(a[1].composite.dtype) or recolor(*a)
    )
    by_engine = analysis.render().image
    assert given
    assert set(given) == {np.dtype(np.uint8)}
    monkeypatch.setattr(analysis._painter, "_recolorer", None)
    by_painter = analysis.render().image
    assert (by_painter != composite).any()
    assert np.array_equal(by_engine[mask == 0], composite[mask == 0])
    apart = np.abs(by_engine.astype(int) - by_painter)
    assert apart.max() <= 1
    assert (apart > 0).mean() < 1e-4  # halves, rounded up or down


@pytest.mark.parametrize(
    "change", [{"contrast": 20.0}, {"whole_frame": True}, {"keep": True}], ids=lambda each: next(iter(each))
)
def test_whatever_else_is_asked_for_is_blended_by_the_painter(harmonizer, photos, monkeypatch, change):
    monkeypatch.setattr(harmonizer.engine, "recolor", lambda *_: pytest.fail("the engine blended it"))
    composite, mask = photos[2]
    assert (harmonizer(composite, mask, apply_anyway=True, **change).image != composite).any()


def test_a_network_of_nan_is_refused(photos):
    model = load_model("cdtnet-256")
    with torch.no_grad():
        model.generator.blend.rgb.bias.fill_(torch.nan)
    with pytest.raises(WeightsError, match="NaN or infinite"):
        Harmonizer(model)(*photos[2], apply_anyway=True)


def test_norms_are_folded_into_convolutions_of_a_copy():
    model = load_model("cdtnet-256")
    engine = TorchEngine(model, "cpu")
    assert isinstance(engine, Recolors)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in engine.model.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in model.modules())
