"""A folder with a file of every kind: each has its result or a reason."""

import json

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import main
from cdtnet.imaging import read_picture
from cdtnet.imaging.formats import result_suffix
from tests.kinds import HEIGHT, READ, REFUSED, WIDTH


def test_a_folder_of_every_kind_gives_a_result_or_a_reason_for_each(tmp_path, weights, capsys):
    for module in ("pillow_heif", "pylibjxl", "OpenImageIO", "OpenEXR"):
        pytest.importorskip(module)
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(np.pad(np.full((12, 12), 255, np.uint8), ((10, 10), (18, 18)))).save(
        tmp_path / "mask.png"
    )
    for name, make in READ.items():
        (folder / name).write_bytes(make())
    for name, (make, _) in REFUSED.items():
        (folder / name).write_bytes(make())
    assert len(READ) + len(REFUSED) >= 30
    command = ["batch", str(folder), str(out), "--mask", str(tmp_path / "mask.png"), "--model", weights]
    assert main(command) == 1
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    said = capsys.readouterr().err
    for name in READ:
        (line,) = [line for line in lines if line["input"].endswith(f"/{name}")]
        assert line["status"] == "done", line
        result = read_picture(out / line["output"])
        assert line["output"].endswith(result_suffix(name))
        assert (result.height, result.width) == (HEIGHT, WIDTH)
    for name, (_, words) in REFUSED.items():
        (line,) = [line for line in lines if name in line["input"] + line["reason"]]
        assert line["status"] in ("failed", "skipped")
        assert words in line["reason"]
        assert line["reason"].endswith(".")
        assert line["reason"] in said


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_another_unicode_form_are_paired(tmp_path, weights, form):
    import unicodedata

    names = unicodedata.normalize(form, "é.png"), unicodedata.normalize("NFC", "é_mask.png")
    (tmp_path / "in").mkdir()
    Image.new("RGB", (32, 24), "red").save(tmp_path / "in" / names[0])
    Image.new("L", (32, 24), 255).save(tmp_path / "in" / names[1])
    assert main(["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--model", weights]) == 0
    assert (tmp_path / "out" / names[0]).exists()
