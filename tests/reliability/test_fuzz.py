"""The short form of `reliability/fuzz.py`, and inputs that Hypothesis generates from formats' grammars."""

import json
import struct
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdtnet import Lut
from cdtnet.batch.jobs import find_jobs
from cdtnet.errors import CdtnetError
from cdtnet.training.recipe import load_recipe
from cdtnet.weights import load_weights

pytestmark = pytest.mark.slow

short = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
words = st.text(max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.dates(),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(words, inside, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("reader", ["pictures", "less common pictures", "manifests"])
def test_readers_keep_their_promise(tmp_path, reader):
    command = [sys.executable, "reliability/fuzz.py", "--inputs", "150", "--keep", str(tmp_path), reader]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + "".join(path.read_text() for path in tmp_path.glob("*.txt"))
    assert f"| {reader} | 150 |" in done.stdout


@short
@given(st.dictionaries(st.sampled_from(["about", "model", "data", "stages", "like", "seed", "x"]), values))
def test_recipes_of_any_values(tmp_path, content):
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with suppress(CdtnetError):
        load_recipe(tmp_path / "recipe.yaml")


@short
@given(
    st.lists(st.dictionaries(st.sampled_from(["composite", "mask", "real", "split", "x"]), values | words))
)
def test_manifests_of_any_values(tmp_path, rows):
    (tmp_path / "list.jsonl").write_text(
        "\n".join(json.dumps(row, default=str) for row in rows), encoding="utf-8"
    )
    with suppress(CdtnetError):
        find_jobs(str(tmp_path / "list.jsonl"), str(tmp_path / "out"))


LINES = [
    "LUT_3D_SIZE 2",
    "LUT_3D_SIZE ٢",
    "DOMAIN_MIN 0 0 0",
    "DOMAIN_MAX 1 1",
    "0 0 0",
    "1e400 -0 .",
    "# 0 0 0",
]


@short
@given(st.lists(st.sampled_from(LINES) | words, max_size=12))
def test_tables_of_any_lines(tmp_path, lines):
    (tmp_path / "a.cube").write_text("\n".join(lines), encoding="utf-8")
    with suppress(CdtnetError):
        assert Lut.load(tmp_path / "a.cube").size == 2


entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F16", "F32", "F64", "BF16", "F8_E4M3", "I64", "BOOL", "C64", "F4", "X"]),
        "shape": st.lists(st.sampled_from([0, 1, 2, 33, -1, 2**31, 2**63, 2**64]), max_size=5),
        "data_offsets": st.lists(st.sampled_from([0, 4, 8, 32, -1, 2**40, 2**63]), min_size=1, max_size=3),
    }
)
names = st.sampled_from(["color_mapping.basis", "decoder.x", "lut.LUT0.LUT", "lut.LUT9.LUT", "", "../x"])
cards = st.one_of(values, st.fixed_dictionaries({"config": values})).map(
    lambda card: json.dumps(card, default=str)
)


@short
@given(st.dictionaries(names, entries), cards, st.sampled_from([0, -1, 1, 2**40, 2**63 - 1]))
def test_safetensors_of_any_header(tmp_path, header, card, error):
    text = json.dumps({**header, "__metadata__": {"cdtnet": card}}).encode()
    length = struct.pack("<Q", (len(text) + error) % 2**64)
    (tmp_path / "w.safetensors").write_bytes(length + text + np.zeros(8, np.float32).tobytes())
    with suppress(CdtnetError):
        load_weights(tmp_path / "w.safetensors")
