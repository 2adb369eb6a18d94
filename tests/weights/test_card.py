"""The model card, and the folder layout of model hubs."""

import re
import shutil
from pathlib import Path

import yaml

import cdtnet
from cdtnet.weights import SHIPPED, read_weights

ROOT = Path(__file__).parents[2]
SHIPPED_FOLDER = Path(cdtnet.__file__).parent / "weights"


def test_the_card_says_what_hubs_ask_for():
    text = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    front = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    said = yaml.safe_load(front[1])
    assert (said["library_name"], said["pipeline_tag"]) == ("cdtnet", "image-to-image")
    assert all(isinstance(tag, str) for tag in said["tags"])
    licence = re.search(r'^license = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    assert said["license"] == licence[1].lower()


def test_every_shipped_file_carries_its_configuration():
    for file in {file for file, *_ in SHIPPED.values()}:
        assert "config" in read_weights(SHIPPED_FOLDER / file)[1]


def test_a_snapshot_of_a_hub_is_loaded_as_it_lies(tmp_path):
    """The folder layout of huggingface_hub: links to files that are named by their hashes."""
    blob, snapshot = tmp_path / "blobs" / "0a1b2c", tmp_path / "snapshots" / "d3e4f5"
    blob.parent.mkdir()
    snapshot.mkdir(parents=True)
    shutil.copy(SHIPPED_FOLDER / "cdtnet.safetensors", blob)
    (snapshot / "model.safetensors").symlink_to(blob)
    loaded, expected = cdtnet.load_model(snapshot), cdtnet.load_model("cdtnet-256")
    assert loaded.config == expected.config
    for name, value in expected.state_dict().items():
        assert value.equal(loaded.state_dict()[name])
