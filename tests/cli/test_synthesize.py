"""All modes of `cdtnet synthesize`, read back as data sets; real processes for signals."""

import csv
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cdtnet.cli.main import main
from cdtnet.datasets.samples import open_dataset, read_sample
from tests.processes import started, until
from tests.synthesize.conftest import array, draw_mask, draw_photo, own_pictures, save, tree
from tests.synthesize.test_instances import BOX, rectangle, write_coco, write_open_images

__all__ = ["own_pictures"]


def synthesize(*arguments):
    return main(["synthesize", *map(str, arguments)])


def rows(path: Path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def read_back(root):
    found = open_dataset(root)
    assert not found.problems
    return [(sample, read_sample(sample)) for sample in found.samples]


def test_exchange(own_pictures, tmp_path, capsys):
    arguments = ["--masks", own_pictures / "version masks", "--target", "original", "-o", tmp_path, "--png"]
    assert synthesize("exchange", own_pictures / "versions", *arguments, "--workers", 1) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{tmp_path}\n"
    assert "6 composites of 3 photos: 4 for training, 2 for tests" in printed.err
    samples = read_back(tmp_path)
    assert len(samples) == 6
    for sample, (composite, mask, real) in samples:
        stem = Path(sample.name).stem
        photo = array(own_pictures / "versions" / "original" / f"{stem[:5]}.png")
        foreground = photo // 2 if stem.endswith("_1") else 255 - photo
        assert np.array_equal(real, photo)
        assert np.array_equal(composite, np.where(mask[..., None] > 0, foreground, photo))
        assert np.array_equal(mask, array(own_pictures / "version masks" / f"{stem[:7]}.png"))
    first = rows(tmp_path / "HExchange" / "sources.csv")[0]
    assert first["method"] == "exchange expertA"
    assert Path(first["photo"]) == own_pictures / "versions" / "original" / "a0000.png"
    assert Path(first["foreground"]) == own_pictures / "versions" / "expertA" / "a0000.tif"


def test_exchange_draws_targets_and_counts_from_separate_folders(own_pictures, tmp_path):
    folders = [own_pictures / "versions" / name for name in ("expertA", "expertB", "original")]
    arguments = ["--masks", own_pictures / "version masks", "-o", tmp_path, "--per-mask", 1, "--workers", 1]
    assert synthesize("exchange", *folders, *arguments, "--seed", 5) == 0
    written = rows(tmp_path / "HExchange" / "sources.csv")
    assert len(written) == 3
    assert len({Path(row["photo"]).parent.name for row in written}) > 1


def test_versions_of_different_sizes_are_named(own_pictures, tmp_path, capsys):
    for k, size in enumerate(((90, 60), (90, 60), (90, 61))):
        save(draw_photo(k), tmp_path / "in" / "A" / f"a{k}.png")
        save(draw_photo(k, size), tmp_path / "in" / "B" / f"a{k}.png")
        save(draw_mask(k), tmp_path / "in" / "masks" / f"a{k}.png")
    arguments = [tmp_path / "in", "--masks", tmp_path / "in" / "masks", "--target", "A", "--workers", 1]
    assert synthesize("exchange", *arguments, "-o", tmp_path / "out") == 0
    printed = capsys.readouterr().err
    path = tmp_path / "in" / "B" / "a2.png"
    assert f"{path} has 90×61 pixels, but {tmp_path / 'in' / 'A' / 'a2.png'} 90×60" in printed
    assert "Skipped, see above: 1." in printed
    assert synthesize("exchange", *arguments, "-o", tmp_path / "strict", "--damaged", "fail") == 1
    assert "90×61" in capsys.readouterr().err
    assert synthesize("exchange", *arguments[:3], "--target", "C", "-o", tmp_path / "x") == 1
    assert "no version 'C'; choose A, B" in capsys.readouterr().err


def test_recolor(own_pictures, tmp_path, capsys):
    assert synthesize("recolor", own_pictures, "-o", tmp_path, "--per-mask", 2, "--png", "--workers", 1) == 0
    assert "22 composites of 10 photos: 20 for training, 2 for tests" in capsys.readouterr().err
    samples = read_back(tmp_path)
    assert len(samples) == 22
    for sample, (composite, mask, real) in samples:
        assert np.array_equal(composite[mask == 0], real[mask == 0])
        assert np.abs(composite[mask > 0].astype(int) - real[mask > 0]).mean() > 2
        assert (
            sample.real.path.rpartition("/")[2] == sample.name.rpartition("/")[2].rsplit("_", 2)[0] + ".png"
        )
    by_split = {part: {s.real.path for s, _ in samples if s.split == part} for part in ("train", "test")}
    assert len(by_split["test"]) == 1
    assert by_split["train"].isdisjoint(by_split["test"])
    written = rows(tmp_path / "HRecolor" / "sources.csv")
    assert {row["method"].partition("+")[0] for row in written} == {"retouch", "transfer"}
    for row in written:
        assert bool(row["foreground"]) == row["method"].startswith("transfer")
        assert row["foreground"] != row["photo"]
        assert (row["split"] == "test") == any(row["real"] in path for path in by_split["test"])
    assert len({row["seed"] for row in written}) == 22


def test_recolor_with_made_up_masks_and_a_size(own_pictures, tmp_path, capsys):
    photos = own_pictures / "photos" / "night"
    assert synthesize("recolor", photos, "-o", tmp_path) == 1
    assert "--generate-masks" in capsys.readouterr().err
    arguments = [photos, "-o", tmp_path, "--generate-masks", "--size", 64, "--name", "Regions"]
    assert synthesize("recolor", *arguments, "--workers", 1, "--quality", 99) == 0
    samples = read_back(tmp_path)
    assert [sample.subset for sample, _ in samples] == ["Regions"] * 4
    for _, (composite, mask, real) in samples:
        assert composite.shape == real.shape == (43, 64, 3)
        assert mask.shape == (43, 64)
        assert np.abs(composite[mask == 0].astype(int) - real[mask == 0]).mean() < 3
    assert {row["mask_source"] for row in rows(tmp_path / "Regions" / "sources.csv")} == {"generated"}


@pytest.mark.parametrize("kind", ["coco", "open images"])
def test_paste(own_pictures, tmp_path, capsys, kind):
    if kind == "coco":
        annotations, photos = write_coco(tmp_path / "in", [BOX])
        arguments = [photos, "--annotations", annotations]
    else:
        annotations, photos, masks = write_open_images(tmp_path / "in")
        arguments = [photos, "--annotations", annotations, "--masks", *masks]
    arguments += ["--backgrounds", own_pictures / "photos", "-o", tmp_path / "out", "--png", "--workers", 1]
    assert synthesize("paste", *arguments, "--per-background", 2) == 0
    assert (
        "1 object found.\n20 composites of 10 photos. Processed in this run: 10 photos."
        in capsys.readouterr().err
    )
    samples = read_back(tmp_path / "out")
    assert len(samples) == 20
    object_colors = draw_photo(0).crop((30, 10, 60, 40)).getcolors(10000)
    for sample, (composite, mask, real) in samples:
        assert real is None
        assert sample.mask.path.rpartition("/")[2] == sample.name.rpartition("/")[2]
        background = array(
            next(own_pictures.glob(f"photos/*/{Path(sample.name).stem.rpartition('_')[0]}.png"))
        )
        assert np.array_equal(composite[mask == 0], background[mask == 0])
        pasted = composite[mask == 255]
        assert 0.01 < (mask > 127).mean() < 0.35
        low, high = np.min([color for _, color in object_colors], 0), np.max([c for _, c in object_colors], 0)
        assert (pasted >= low - 6.0).all()
        assert (pasted <= high + 6.0).all()
    assert rectangle().any()


def test_what_does_not_fit_is_said(own_pictures, tmp_path, capsys):
    save(draw_photo(1, (1200, 800)), tmp_path / "large" / "l.png")
    annotations, photos = write_coco(tmp_path / "in", [BOX])
    arguments = [
        photos,
        "--annotations",
        annotations,
        "--backgrounds",
        tmp_path / "large",
        "-o",
        tmp_path / "out",
    ]
    assert synthesize("paste", *arguments) == 1
    assert "None of 1 objects fits on" in capsys.readouterr().err
    assert (
        synthesize("paste", *arguments, "--size", 150, "--seed", 0) == 1
    )  # another size than it was begun with
    assert "started with size None, not 150" in capsys.readouterr().err
    assert synthesize("paste", *arguments[:-1], tmp_path / "small", "--size", 150) == 0


def test_damaged_sources_are_named_counted_and_left_out(own_pictures, tmp_path, capsys):
    for k in range(4):
        save(draw_photo(k), tmp_path / "in" / "photos" / f"p{k}.jpg")
        save(draw_mask(k), tmp_path / "in" / "masks" / f"p{k}.png")
    whole = (tmp_path / "in" / "photos" / "p1.jpg").read_bytes()
    (tmp_path / "in" / "photos" / "p1.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in" / "masks" / "p2.png").write_bytes(b"no picture at all")
    assert synthesize("recolor", tmp_path / "in", "-o", tmp_path / "out", "--workers", 1) == 0
    printed = capsys.readouterr().err
    assert f"{tmp_path / 'in' / 'photos' / 'p1.jpg'} is damaged" in printed
    assert f"{tmp_path / 'in' / 'masks' / 'p2.png'} is not a picture" in printed
    assert "Skipped, see above: 2." in printed
    assert "2 composites of 2 photos" in printed
    assert len(read_back(tmp_path / "out")) == 2
    (tmp_path / "in" / "photos" / "p1.jpg").write_bytes(whole)
    assert synthesize("recolor", tmp_path / "in", "-o", tmp_path / "out", "--workers", 1) == 0
    assert "3 composites of 3 photos" in capsys.readouterr().err


def test_the_contact_sheet_shows_examples(own_pictures, tmp_path):
    assert synthesize("recolor", own_pictures, "-o", tmp_path, "--workers", 1) == 0
    sheet = array(tmp_path / "HRecolor" / "contact.jpg").astype(int)
    assert sheet.shape == (2 * 24 + 3 * 220 + 2 * 8, 2 * 24 + 6 * 330 + 5 * 8, 3)
    cells = [[sheet[24 + 228 * r :, 24 + 338 * c :][:220, :330] for c in range(6)] for r in range(3)]
    for composite, mask, real in zip(*cells, strict=True):
        inside = mask[..., 0] > 250
        outside = mask[..., 0] < 5
        assert inside.any()
        assert np.abs(composite - real)[outside].mean() < 3 < np.abs(composite - real)[inside].mean()


def test_names_that_are_hard_to_handle(tmp_path, monkeypatch):
    names = [
        "-rf",
        "with space",
        "ünïcödé 東京 🐎",
        "a_1_2",
        "a",
        "--",
        "x.y.z",
        "quote'\"",
        "a,b;c",
        "*[1]?",
    ]
    for k, name in enumerate([*names, "same/twin", "other/twin"]):
        save(draw_photo(k), tmp_path / "-in" / "photos" / f"{name}.jpg")
        save(draw_mask(k), tmp_path / "-in" / "masks" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    assert synthesize("recolor", "./-in", "--output=-out", "--workers", 2, "--test-share", 0.5) == 0
    assert synthesize("recolor", "./-in", "-o", "one", "--workers", 1, "--test-share", 0.5) == 0
    assert tree(Path("one")) == tree(Path("-out"))
    found = {Path(sample.name).stem for sample, _ in read_back(Path("-out"))}
    assert found == {f"{name}_1_1" for name in [*names, "same-twin", "other-twin"]}
    assert len(open_dataset(Path("-out"), split="test").samples) == 6


def command(*arguments):
    return [sys.executable, "-m", "cdtnet.cli.main", "synthesize", *map(str, arguments)]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Two versions of forty photos, and masks."""
    root = tmp_path_factory.mktemp("many")
    for k in range(40):
        photo = draw_photo(k, (450, 300))
        save(photo, root / "A" / f"p{k}.png")
        save(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), root / "B" / f"p{k}.png")
        save(draw_mask(k, (450, 300)), root / "masks" / f"p{k}.png")
    return root


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to see the workers")
def test_a_killed_run_goes_on_and_ends_with_the_same_files(many, tmp_path):
    arguments = ["exchange", many, "--masks", many / "masks", "--png"]
    assert synthesize(*arguments, "-o", tmp_path / "whole", "--workers", 1) == 0
    killed = tmp_path / "killed"
    composites = killed / "HExchange" / "composite_images"
    with started(command(*arguments, "-o", killed, "--workers", 2)) as process:
        until(lambda: len(list(composites.glob("[!.]*"))) >= 3, process)
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    until(lambda: not any(_is_alive(worker) for worker in workers))
    before = {path: path.stat().st_mtime_ns for path in killed.glob("HExchange/*/[!.]*")}
    assert 3 <= len(list(composites.glob("[!.]*"))) < 40
    assert synthesize(*arguments, "-o", killed, "--workers", 1) == 0
    assert tree(killed) == tree(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(many, tmp_path):
    arguments = ["exchange", many, "--masks", many / "masks", "--workers", 1, "-o", tmp_path]
    with started(command(*arguments), stderr=subprocess.PIPE, text=True) as process:
        until((tmp_path / "HExchange" / "composite_images").is_dir, process)
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate()
    assert process.returncode == 130
    assert printed == "cdtnet: Interrupted; run the same command to resume.\n"


PEAK = """
import sys
from cdtnet.cli.main import main
from cdtnet.system.machine import peak_memory
assert main(["synthesize", *sys.argv[1:]]) == 0
print(peak_memory() // 1024**2)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_24_megapixel_photo_takes_less_than_a_gigabyte(tmp_path):
    save(draw_photo(0, (6000, 4000)), tmp_path / "photos" / "p.jpg")
    mask = Image.new("L", (6000, 4000))
    mask.paste(255, (500, 500, 1500, 1500))
    save(mask, tmp_path / "masks" / "p.png")
    arguments = ["recolor", tmp_path, "-o", tmp_path / "out", "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout.split()[-1]) < 1000
    assert array(tmp_path / "out" / "HRecolor" / "composite_images" / "p_1_1.jpg").shape == (4000, 6000, 3)


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "arguments",
    [[], ["mix"], ["recolor", "x"], ["recolor", "x", "-o", "y", "--per-mask", "0"]]
    + [
        ["recolor", "x", "-o", "y", option, value]
        for option, value in (("--quality", "101"), ("--name", "a/b"))
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        synthesize(*arguments)
    assert exit_.value.code == 2
    assert "usage: cdtnet synthesize" in capsys.readouterr().err


def test_a_missing_folder_gets_one_sentence(tmp_path, capsys):
    assert synthesize("recolor", tmp_path / "absent", "-o", tmp_path / "out") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "absent does not exist" in printed.err
    assert not (tmp_path / "out").exists()
