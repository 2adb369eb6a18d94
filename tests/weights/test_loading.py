import json
import os
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

import cdtnet
from cdtnet.model import load_model
from cdtnet.weights import SHIPPED, read_weights, write_weights
from cdtnet.weights.loading import shipped_weights
from tests.parity.official import official_numbers


def same_weights(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.fixture
def official_file(checkpoint, tmp_path):
    path = tmp_path / "official.pth"
    torch.save(checkpoint, path)
    return path


def test_an_official_checkpoint_gives_the_official_numbers(official_file):
    model = load_model(official_file, base_size=64)
    assert not model.training
    numbers = official_numbers()
    out = model(numbers["image"], numbers["mask"])
    assert (out.image - numbers["images"]).abs().max() < 1e-5
    assert model.config.antialias is False


@pytest.mark.parametrize("wrap", ["state_dict", "model", "module."])
def test_usual_wrappings_of_a_checkpoint_are_seen_through(checkpoint, official_model, tmp_path, wrap):
    content = {f"module.{k}": v for k, v in checkpoint.items()} if wrap == "module." else {wrap: checkpoint}
    torch.save(content, tmp_path / "wrapped.pt")
    assert same_weights(load_model(tmp_path / "wrapped.pt", base_size=64), official_model)


def test_an_issam_checkpoint_is_a_generator(checkpoint, official_model, tmp_path):
    entries = {k: v for k, v in checkpoint.items() if k.startswith(("encoder.", "decoder."))}
    assert len(entries) == 113
    torch.save(entries, tmp_path / "issam256.pth")
    model = load_model(tmp_path / "issam256.pth")
    assert model.config.variant == "is2am"
    assert same_weights(model.generator, official_model.generator)


def test_writing_and_reading_back(official_model, tmp_path):
    path = tmp_path / "ours.safetensors"
    write_weights(path, official_model, {"licence": "none"}, ranges=False)
    again = load_model(path)
    assert again.config == official_model.config
    assert same_weights(again, official_model)
    assert read_weights(path)[1]["licence"] == "none"
    assert list(tmp_path.iterdir()) == [path]


def test_half_precision_is_read_as_single(official_model, tmp_path):
    write_weights(tmp_path / "half.safetensors", official_model, {}, half=True, ranges=False)
    model = load_model(tmp_path / "half.safetensors")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert (model.color_mapping.basis - official_model.color_mapping.basis).abs().max() < 1e-3


def test_every_misfit_is_reported_at_once(checkpoint, tmp_path):
    broken = dict(checkpoint)
    del broken["decoder.to_rgb.bias"]
    broken["refine.extra"] = torch.zeros(1)
    broken["lut.classifier.fc.bias"] = torch.zeros(7)
    broken["lut.classifier.fc.weight"] = broken["lut.classifier.fc.weight"].long()
    torch.save(broken, tmp_path / "broken.pth")
    with pytest.raises(cdtnet.WeightsError) as caught:
        load_model(tmp_path / "broken.pth")
    message = str(caught.value)
    assert "missing generator.blend.rgb.bias" in message
    assert "unexpected refine.extra" in message
    assert "color_mapping.weigh.weight has type int64" in message
    assert "color_mapping.weigh.bias has shape (7,) instead of (4,)" in message


def test_a_missing_basis_lut_is_reported(checkpoint, tmp_path):
    torch.save({k: v for k, v in checkpoint.items() if "LUT2" not in k}, tmp_path / "three.pth")
    with pytest.raises(cdtnet.WeightsError, match=r"numbered \[0, 1, 3\]"):
        load_model(tmp_path / "three.pth")


class Exploit:
    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return open, (str(self.proof), "w")


class Call:
    """What a pickle may ask for instead of a tensor."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "inside", [lambda it: it, lambda it: {"model": {"encoder.x": torch.ones(1), "y": it}}]
)
@pytest.mark.parametrize("function", [os.system, eval, torch.load, torch.hub.load, torch.jit.load])
def test_no_disguise_gets_code_run(tmp_path, function, inside, zipped):
    proof = tmp_path / "proof"
    words = {os.system: f"touch {proof}", eval: f"open({str(proof)!r}, 'w')"}.get(function, str(proof))
    content = inside(Call(function, words))
    torch.save(content, tmp_path / "evil.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(cdtnet.WeightsError, match="could run code"):
        load_model(tmp_path / "evil.pth")
    assert not proof.exists()


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.ones(1).expand(10**12), "far larger than the file"),
        (torch.eye(3).to_sparse(), "sparse, quantized"),
        (torch.ones(3, device="meta"), "sparse, quantized"),
        (torch.ones(3, dtype=torch.complex64).conj(), "sparse, quantized"),
    ],
)
def test_odd_tensors_are_refused(tmp_path, tensor, words):
    torch.save({"x": tensor}, tmp_path / "odd.pth")
    with pytest.raises(cdtnet.WeightsError, match=words):
        load_model(tmp_path / "odd.pth")


def test_one_tensor_under_very_many_names_is_refused(tmp_path):
    torch.save(dict.fromkeys(map(str, range(200)), torch.ones(10_000)), tmp_path / "aliases.pth")
    with pytest.raises(cdtnet.WeightsError, match="far larger than the file"):
        load_model(tmp_path / "aliases.pth")


def test_a_packed_checkpoint_is_refused(tmp_path):
    torch.save({"x": torch.zeros(100_000)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in plain.namelist():
            bomb.writestr(name, plain.read(name))
    with pytest.raises(cdtnet.WeightsError, match="is compressed"):
        load_model(tmp_path / "bomb.pth")


def test_parameters_are_tensors_too(checkpoint, official_model, tmp_path):
    trained = {
        name: torch.nn.Parameter(value, value.is_floating_point()) for name, value in checkpoint.items()
    }
    torch.save(trained, tmp_path / "trained.pth")
    assert same_weights(load_model(tmp_path / "trained.pth", base_size=64), official_model)


def test_many_misfits_are_counted(tmp_path):
    torch.save({f"encoder.{i}": torch.ones(1) for i in range(999)}, tmp_path / "many.pth")
    with pytest.raises(cdtnet.WeightsError, match=r"and [\d,]+ more\.$") as caught:
        load_model(tmp_path / "many.pth")
    assert len(str(caught.value)) < 4000


def test_a_checkpoint_never_runs_code(tmp_path):
    proof = tmp_path / "proof"
    torch.save({"encoder.x": Exploit(proof)}, tmp_path / "evil.pth")
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Exploit(proof)))
    for name in ("evil.pth", "evil.pt"):
        with pytest.raises(cdtnet.WeightsError):
            load_model(tmp_path / name)
    assert not proof.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.pth", None, "no weights at"),
        ("empty.pth", b"", "not a PyTorch checkpoint"),
        ("noise.pth", b"\x93noise" * 50, "not a PyTorch checkpoint|more than tensors"),
        ("noise.safetensors", b"noise" * 50, "not a safetensors file"),
        ("weights.onnx", b"", "neither a safetensors file nor"),
        ("cdtnet-1024", None, "choose cdtnet-256, cdtnet-512, cdtnet-sim, is2am"),
    ],
)
def test_files_that_are_no_weights(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(cdtnet.WeightsError, match=message):
        load_model(path if path.suffix else name)


def test_a_list_of_tensors_is_no_state_dict(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(cdtnet.WeightsError, match="no dictionary of tensors"):
        load_model(tmp_path / "list.pth")


@pytest.mark.parametrize("config", [{"base_size": 100}, {"variant": "cdtnet", "depth": 3}, [], "cdtnet"])
def test_an_impossible_card_is_refused(official_model, tmp_path, config):
    entries = {k: v.contiguous() for k, v in official_model.state_dict().items()}
    save_file(entries, tmp_path / "card.safetensors", {"cdtnet": json.dumps({"config": config})})
    with pytest.raises(cdtnet.WeightsError, match="configuration"):
        load_model(tmp_path / "card.safetensors")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_load_and_leave_the_background_of_a_batch_finite(name):
    model = load_model(name, base_size=64)
    assert model.config.antialias
    assert model.config.variant == SHIPPED[name][1]
    out = model(torch.rand(2, 3, 70, 50), torch.ones(2, 1, 70, 50))
    assert out.image.isfinite().all()


def test_shipped_cards_say_what_info_prints():
    for name, (file, *_) in SHIPPED.items():
        card = shipped_weights(file)[1]
        assert card["scores"][name]
        assert card["licence"]
        assert card["training"]
