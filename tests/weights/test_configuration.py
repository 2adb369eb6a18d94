"""Weights always include the configuration of their training, because another one gives wrong colors."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

import cdtnet
from cdtnet.cli.main import main
from cdtnet.config import Config
from cdtnet.model import CDTNet, load_model
from cdtnet.weights import CONFIG_ENTRY, read_weights
from tests.cli.refusals import refusal
from tests.engines.networks import network

CONFIG = Config(base_size=32, antialias=True, residual=True, second_look=True, close_up=True)


@pytest.fixture(scope="module")
def model():
    return network(CONFIG)


@pytest.fixture
def composite():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, 3, 50, 70, generator=generator), torch.rand(1, 1, 50, 70, generator=generator)


def without_configuration(model):
    return {name: value for name, value in model.state_dict().items() if name != CONFIG_ENTRY}


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {f"module.{k}": v for k, v in s.items()}]
)
def test_a_saved_state_is_the_model(model, composite, tmp_path, wrap):
    torch.save(wrap(model.state_dict()), tmp_path / "state.pt")
    again = load_model(tmp_path / "state.pt")
    assert again.config == CONFIG
    with torch.no_grad():
        assert torch.equal(again(*composite).image, model(*composite).image)


def test_a_state_in_safetensors_is_the_model_too(model, tmp_path):
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()}, tmp_path / "s.safetensors"
    )
    assert load_model(tmp_path / "s.safetensors").config == CONFIG


def test_the_shipped_weights_come_back_as_they_were(tmp_path):
    shipped = load_model("cdtnet-512")
    torch.save(shipped.state_dict(), tmp_path / "state.pt")
    assert (
        load_model(tmp_path / "state.pt").config == shipped.config == replace(shipped.config, base_size=512)
    )


def test_another_module_takes_the_configuration_over(model, composite):
    other = CDTNet().eval()
    other.load_state_dict(model.state_dict())
    assert other.config == CONFIG
    with torch.no_grad():
        assert torch.equal(other(*composite).image, model(*composite).image)


def test_but_keeps_what_its_boxes_are_made_of(model):
    generator = CDTNet(Config("is2am"))
    generator.load_state_dict(model.state_dict(), strict=False)
    assert generator.config == replace(CONFIG, variant="is2am")


def test_a_state_without_it_is_refused_by_pytorch_as_well(model):
    with pytest.raises(RuntimeError, match=CONFIG_ENTRY):
        CDTNet(CONFIG).load_state_dict(without_configuration(model))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"base_size": 64}, "as a tensor of bytes"),
        (torch.tensor([1, 2, 3]), "cannot be read"),
        (torch.tensor(list(b"[1]")), "not a JSON object"),
        (torch.tensor(list(b'{"base_size": 7}')), "cannot be used"),
        (torch.tensor(list(b'{"depth": 7}')), "cannot be used"),
    ],
)
def test_an_impossible_configuration_is_refused(state, words):
    with pytest.raises(cdtnet.WeightsError, match=words):
        CDTNet().set_extra_state(state)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_without_it_is_refused_by_name(model, tmp_path, suffix):
    path = tmp_path / f"bare{suffix}"
    state = without_configuration(model)
    torch.save(state, path) if suffix == ".pt" else save_file(state, path)
    for attempt in (load_model, cdtnet.Harmonizer):
        with pytest.raises(cdtnet.WeightsError, match=rf"bare\{suffix} does not say .*cdtnet\.save_model"):
            attempt(path)


def test_unless_it_is_given(model, tmp_path):
    torch.save(without_configuration(model), tmp_path / "bare.pt")
    assert load_model(tmp_path / "bare.pt", config=CONFIG).config == CONFIG


def test_a_file_that_says_it_is_believed(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "state.pt")
    assert load_model(tmp_path / "state.pt", config=Config()).config == CONFIG


def test_a_file_of_another_network_is_told_apart(tmp_path):
    torch.save({"layer1.weight": torch.ones(3)}, tmp_path / "resnet.pth")
    with pytest.raises(cdtnet.WeightsError, match=r"another kind of network \(layer1\.weight"):
        load_model(tmp_path / "resnet.pth")


def test_convert_writes_it_and_refuses_likewise(model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # other tests may write to the repository meanwhile
    out = tmp_path / "out.safetensors"
    torch.save(model.state_dict(), tmp_path / "state.pt")
    assert main(["convert", str(tmp_path / "state.pt"), str(out)]) == 0
    assert load_model(out).config == CONFIG
    assert read_weights(out)[1]["origin"] == "converted from state.pt"
    torch.save(without_configuration(model), tmp_path / "bare.pt")
    capsys.readouterr()
    assert "bare.pt does not say" in refusal(capsys, "convert", str(tmp_path / "bare.pt"), str(out))
    assert (
        main(["convert", str(tmp_path / "bare.pt"), str(tmp_path / "like.safetensors"), "--like", str(out)])
        == 0
    )
    assert load_model(tmp_path / "like.safetensors").config == CONFIG


def test_save_model_and_load_model(model, tmp_path):
    cdtnet.save_model(model, tmp_path / "ours.safetensors", card={"licence": "none"})
    again = cdtnet.load_model(tmp_path / "ours.safetensors")
    assert again.config == CONFIG
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    assert read_weights(tmp_path / "ours.safetensors")[1]["licence"] == "none"


def test_save_model_refuses_what_could_not_be_loaded(tmp_path):
    broken = network(CONFIG)
    with pytest.raises(cdtnet.WeightsError, match=r"must end in \.safetensors"):
        cdtnet.save_model(broken, tmp_path / "ours.pt")
    broken.generator.blend.rgb.bias.data[0] = torch.nan
    with pytest.raises(cdtnet.WeightsError, match=r"generator\.blend\.rgb\.bias holds NaN"):
        cdtnet.save_model(broken, tmp_path / "ours.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "recipe", ["", "[]", json.dumps({"about": "x"}), json.dumps({"about": "", "model": 3})]
)
def test_a_runs_checkpoint_whose_recipe_is_damaged_is_refused(model, tmp_path, recipe):
    content = {"recipe": recipe, "samples": 3, "optimizer": {}, "model": model.state_dict()}
    torch.save(content, tmp_path / "checkpoint.pt")
    with pytest.raises(cdtnet.WeightsError, match="recipe cannot be read"):
        load_model(tmp_path / "checkpoint.pt")
